import { readFileSync } from 'node:fs';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

interface OpenApiOperation {
  readonly operationId: string;
  readonly parameters?: readonly { name: string; in: 'path' | 'query' | 'header' }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { schema?: Schema; example?: unknown }>>;
  };
}

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** One route with a request that is valid but for what a generator changes in it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly pathParameters: readonly string[];
  readonly body: Record<string, unknown> | undefined;
  readonly multipart: boolean;
}

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

/** All operations of the committed OpenAPI document. */
export function readOperations(file: URL): Operation[] {
  const document = JSON.parse(readFileSync(file, 'utf8')) as OpenApiDocument;
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => toOperation(document, path, method, operation)),
  );
}

function toOperation(
  document: OpenApiDocument,
  path: string,
  method: string,
  source: OpenApiOperation,
): Operation {
  const content = source.requestBody?.content ?? {};
  const json = content['application/json'];
  const body = json === undefined ? undefined : (json.example ?? sample(document, json.schema ?? {}, 0));
  return {
    id: source.operationId,
    method: method.toUpperCase(),
    path,
    pathParameters: [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!),
    body: isRecord(body) ? body : undefined,
    multipart: 'multipart/form-data' in content,
  };
}

function sample(document: OpenApiDocument, schema: Schema, depth: number): unknown {
  if (depth > 6) return undefined;
  const resolved = resolve(document, schema);
  const given = [resolved.example, resolved.examples?.[0], resolved.default, resolved.enum?.[0]];
  const first = given.find((value) => value !== undefined);
  return first ?? sampleOfType(document, resolved, depth);
}

/** Follows a reference, and takes the first of several variants. */
function resolve(document: OpenApiDocument, schema: Schema): Schema {
  const target = schema.$ref && document.components?.schemas?.[schema.$ref.split('/').pop() ?? ''];
  const variant = target || [schema.oneOf, schema.anyOf, schema.allOf].find((list) => list?.[0])?.[0];
  return variant ? resolve(document, variant) : schema;
}

function sampleOfType(document: OpenApiDocument, schema: Schema, depth: number): unknown {
  const sampleOf = (inner: Schema): unknown => sample(document, inner, depth + 1);
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, sampleOf(inner)]),
      );
    case 'array':
      return schema.items ? [sampleOf(schema.items)] : [];
    case 'integer':
    case 'number':
      return 1;
    case 'boolean':
      return false;
    default:
      return 'x';
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
