import { STATUS_CODES } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';
import { grantsText } from './access-text.js';
import {
  exampleProblems,
  IDEMPOTENCY_KEY,
  IDEMPOTENCY_PARAMETER,
  problemResponses,
  sharedResponses,
} from './problem-responses.js';
import type { RouteEntry } from './route-inventory.js';
import { PROBLEM_CODES } from '../../rest/api-problems.decorator.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']> & { [PROBLEM_CODES]?: string[] };

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const;
const CHANGES = new Set<string>(['put', 'post', 'delete', 'patch']);

/** What each tag is about; a tag that is not listed here fails the test of the document. */
export const TAGS: Readonly<Record<string, string>> = {
  Settings: 'The bucket that a user brings, its connection test, and what is synchronised.',
  Providers: 'What each kind of store needs: fields, where to find them, the least policy, prices, quirks.',
  Files: 'Files in the user’s bucket.',
  Shares: 'Links by which others download a file, until they are taken back.',
  'Direct uploads': 'Files that go from their client straight into the bucket, by signed URLs.',
  'Resumable uploads':
    'Uploads that go on after an interruption, by the protocol tus 1.0.0: point any of its clients at `/api/v1/tus`.',
  'Local files':
    "Files of the server's own disk that shall be in the bucket, and folders that are watched for such.",
  'Implementation guide':
    'The routes of the cloud storage implementation guide, for clients written from it.',
  Jobs: 'Long work that was asked for: how far it is and what came of it.',
  Workspaces: 'Directories of hosts that are protected by snapshots, and how safe they are.',
  Snapshots: 'States of workspaces in the bucket: list, look into, download, compare, protect, delete.',
  Restores: 'Snapshots on their way back to a host: planned, started, watched.',
  Moves: 'All files of a user on their way into another bucket.',
  Usage: 'What buckets hold, what is done with them, and what that costs by list prices.',
  Webhooks: 'Events, told to a URL as signed messages (Standard Webhooks 1.0).',
  Agents: 'The processes on hosts that read and write workspaces there.',
  'Agent protocol':
    'What agents and the server say to each other; agents of this release speak it by themselves.',
  Users: 'Users of this installation.',
  'API keys': 'Keys with scopes, expiry and revocation.',
  Audit: 'Who did what.',
  Setup: 'The first administrator.',
  Health: 'For supervisors, balancers and Prometheus.',
};

/**
 * Adds what the framework cannot know: who may call each operation, the problems it answers, the Idempotency-Key of
 * changes, tags with their meaning; and a stable order, so that a diff shows what changed.
 */
export function finishDocument(document: OpenAPIObject, routes: readonly RouteEntry[]): OpenAPIObject {
  const known = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
  const used = new Set<string>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      finishOperation(operation, method, known.get(`${method} ${path}`));
      operation.tags?.forEach((tag) => used.add(tag));
    }
  }
  return {
    ...document,
    tags: inOrder(used).map((name) => ({ name, description: TAGS[name] })),
    paths: sorted(document.paths),
    components: {
      ...document.components,
      schemas: sorted(document.components?.schemas ?? {}),
      ...sharedComponents(document.paths),
    },
  };
}

/** As TAGS lists them; one that it forgot comes last. */
function inOrder(used: ReadonlySet<string>): string[] {
  const known = Object.keys(TAGS);
  return [
    ...known.filter((name) => used.has(name)),
    ...[...used].filter((name) => !known.includes(name)).sort(),
  ];
}

/** Only what the operations refer to. */
function sharedComponents(paths: OpenAPIObject['paths']): OpenAPIObject['components'] {
  const refersTo = (texts: string) => (kind: string, name: string) =>
    texts.includes(`"#/components/${kind}/${name}"`);
  const inPaths = refersTo(JSON.stringify(paths));
  const responses = Object.fromEntries(
    Object.entries(sharedResponses()).filter(([name]) => inPaths('responses', name)),
  );
  const inAll = refersTo(JSON.stringify([paths, responses]));
  return {
    responses,
    parameters: { [IDEMPOTENCY_KEY]: IDEMPOTENCY_PARAMETER },
    examples: exampleProblems((code) => inAll('examples', code)),
  };
}

function finishOperation(operation: Operation, method: string, route: RouteEntry | undefined): void {
  const access = route?.access;
  const isLimited = route?.isLimited ?? true;
  const isPublic = access !== undefined && 'public' in access;
  const isIdempotent = CHANGES.has(method) && !isPublic;
  const { [PROBLEM_CODES]: codes = [] } = operation;
  delete operation[PROBLEM_CODES];
  operation.security = isPublic ? [] : [{ apiKey: [] }];
  if (access && 'scopes' in access)
    operation.description = withText(operation.description, grantsText(access.scopes));
  if (isIdempotent) {
    operation.parameters = [
      ...(operation.parameters ?? []),
      { $ref: `#/components/parameters/${IDEMPOTENCY_KEY}` },
    ];
  }
  const takesInput = operation.requestBody !== undefined || (operation.parameters ?? []).length > 0;
  const problems = problemResponses({ codes, isPublic, isLimited, isIdempotent, takesInput });
  operation.responses = { ...problems, ...described(operation.responses) };
}

/** An answer without a text of its own is described by its status. */
function described(responses: Operation['responses']): Operation['responses'] {
  for (const [status, response] of Object.entries(responses)) {
    if (response && 'description' in response) response.description ||= STATUS_CODES[status] ?? 'Done';
  }
  return responses;
}

function withText(description: string | undefined, text: string): string {
  return description ? `${description}\n\n${text}` : text;
}

function sorted<T>(members: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
}
