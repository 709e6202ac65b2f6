import { PROTOCOL_HEADER, PROTOCOL_VERSION } from '../../src/agent-protocol/protocol.ts';

/** Asks the server; answers the parsed body. @throws Error with the answer when it is no success */
export type Ask = <Answer>(method: 'GET' | 'POST' | 'PUT', path: string, body?: object) => Promise<Answer>;

/** For setting things up; what is measured goes its own ways. */
export function apiOf(url: string, key: string | undefined): Ask {
  return async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 1_000)}`);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  };
}
