import type { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';

/** What this file uses of the middleware stack; its own types know nothing of answers that were not sent for. */
interface PresigningStack {
  addRelativeTo(
    middleware: () => (args: { request: PresignedRequest }) => Promise<{ response: object; output: object }>,
    options: { name: string; relation: 'before'; toMiddleware: string },
  ): void;
}

interface RequestPresigner {
  presign(request: PresignedRequest, options: { expiresIn: number }): Promise<PresignedRequest>;
}

/** The parts of the SDK's HTTP request that make up a URL. */
interface PresignedRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
}

/** Headers that the SDK adds for itself and that a reader of the URL does not send. */
const OWN_HEADERS = ['amz-sdk-invocation-id', 'amz-sdk-request', 'x-amz-user-agent'];

/**
 * Presigns the way of @aws-sdk/s3-request-presigner: the command runs through the client's whole middleware, and
 * before the last signing step the request is handed to the client's own signer instead of being sent.
 */
export async function presignedGet(
  client: S3Client,
  command: GetObjectCommand,
  expiresIn: number,
): Promise<string> {
  const stack = client.middlewareStack.clone();
  const intercept =
    () =>
    async ({ request }: { request: PresignedRequest }) => {
      for (const name of OWN_HEADERS) delete request.headers[name];
      const signer = (await client.config.signer()) as unknown as RequestPresigner;
      const presigned = await signer.presign(request, { expiresIn });
      return { response: {}, output: { $metadata: {}, presigned } };
    };
  (stack as unknown as PresigningStack).addRelativeTo(intercept, {
    name: 'presign',
    relation: 'before',
    toMiddleware: 'awsAuthMiddleware',
  });
  const handler = command.resolveMiddleware(stack, client.config, {});
  const { output } = await handler({ input: command.input });
  return urlOf((output as unknown as { presigned: PresignedRequest }).presigned);
}

function urlOf({ protocol, hostname, port, path, query }: PresignedRequest): string {
  const search = Object.entries(query ?? {}).map(([name, value]) => {
    const values = Array.isArray(value) ? value : [value ?? ''];
    return values.map((each) => `${encodeURIComponent(name)}=${encodeURIComponent(each)}`).join('&');
  });
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}?${search.join('&')}`;
}
