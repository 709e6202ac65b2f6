import { STATUS_CODES } from 'node:http';

/** What the sink sends back: text, kept bytes or a piece of the pattern. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
  readonly pattern?: { readonly offset: number; readonly length: number };
}

/** Status line and headers, ready to send. A 204 and a HEAD answer have no body, whatever the length says. */
export function headOf(answer: Answer): string {
  const length = answer.pattern?.length ?? Buffer.byteLength(answer.body ?? '');
  let text = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\nx-amz-request-id: SINK\r\n`;
  for (const [name, value] of Object.entries(answer.headers ?? {})) text += `${name}: ${value}\r\n`;
  if (answer.status !== 204 && answer.headers?.['content-length'] === undefined) {
    text += `content-length: ${length}\r\n`;
  }
  return `${text}\r\n`;
}

export function xml(root: string, content: string, status = 200): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${root}>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

export function failure(status: number, code: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message><RequestId>SINK</RequestId></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
