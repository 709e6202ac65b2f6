import type { IncomingMessage } from 'node:http';
import type { FastifyBodyParser, FastifyInstance, FastifyRequest } from 'fastify';
import { RequestError } from '../errors/request-errors.js';
import type { JsonLimits, RouteOptions } from '../rest/route-options.decorators.js';
import { assertPlainObject } from './plain-input.js';

/**
 * JSON bodies are read whole, up to a limit and within a deadline (a route may have its own); routes with @StreamedBody get their body unread,
 * whatever its type; every other type is refused before a byte is read.
 */
export function installBodyParsers(fastify: FastifyInstance, limits: JsonLimits): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    async (request: FastifyRequest, payload: IncomingMessage) => {
      const { streamedBody, jsonLimits = limits } = optionsOf(request);
      if (streamedBody === true) return undefined;
      assertReadable(request);
      const text = await readText(payload, jsonLimits);
      return text === '' ? undefined : parseObject(parseJson, request, text);
    },
  );
  fastify.addContentTypeParser('*', async (request: FastifyRequest) => {
    if (optionsOf(request).streamedBody === true) return undefined;
    throw unsupportedMediaType('This route reads application/json only.');
  });
}

function optionsOf(request: FastifyRequest): RouteOptions {
  return request.routeOptions.config as RouteOptions;
}

function assertReadable(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupportedMediaType('Bodies with a Content-Encoding are not read. Send it without.');
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8') {
    throw unsupportedMediaType('JSON is read as UTF-8 only.');
  }
}

function unsupportedMediaType(sentence: string): RequestError {
  return new RequestError('unsupported_media_type', sentence);
}

async function readText(payload: IncomingMessage, limits: JsonLimits): Promise<string> {
  const tooLarge = () =>
    new RequestError(
      'payload_too_large',
      `The body of this route may have ${limits.sizeBytes} bytes at most.`,
    );
  if (Number(payload.headers['content-length'] ?? 0) > limits.sizeBytes) throw tooLarge();
  const bytes = await readBytes(payload, limits, tooLarge);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RequestError('bad_request', 'The body is not valid UTF-8.');
  }
}

function readBytes(
  payload: IncomingMessage,
  limits: JsonLimits,
  tooLarge: () => RequestError,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let receivedBytes = 0;
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      payload.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      finish();
    };
    const onData = (chunk: Buffer): void => {
      receivedBytes += chunk.length;
      chunks.push(chunk);
      if (receivedBytes > limits.sizeBytes) settle(() => reject(tooLarge()));
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks, receivedBytes)));
    const onClose = (): void =>
      settle(() =>
        reject(new RequestError('bad_request', 'The connection was closed before the end of the body.')),
      );
    const timer = setTimeout(
      () => settle(() => reject(new RequestError('bad_request', 'The body did not arrive in time.'))),
      limits.deadlineMs,
    );
    payload.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

/** The parser's own message may quote the body, which may hold a secret: only the position is told. */
async function parseObject(
  parse: FastifyBodyParser<string>,
  request: FastifyRequest,
  text: string,
): Promise<object> {
  const body = await new Promise<unknown>((resolve, reject) => {
    void parse(request, text, (error, value: unknown) => (error ? reject(error) : resolve(value)));
  }).catch((error: unknown) => {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    throw new RequestError(
      'bad_request',
      position === undefined
        ? 'The body is not valid JSON, or has a forbidden member such as __proto__.'
        : `The body is not valid JSON: look at position ${position}.`,
    );
  });
  assertPlainObject(body);
  return body;
}
