import { tag, XML_DECLARATION } from '../xml.js';
import type { DoubleAnswer } from '../double-server.js';

/** An error that Google Cloud Storage answers; the JSON and the XML API word it differently. */
export class GcsFault extends Error {
  readonly status: number;
  /** `reason` of the JSON API. */
  readonly reason: string;
  /** `Code` of the XML API. */
  readonly xmlCode: string;
  readonly xmlMessage: string;
  readonly xmlDetails: Readonly<Record<string, string>>;

  constructor(
    status: number,
    reason: string,
    message: string,
    xml: { code: string; message?: string; details?: Readonly<Record<string, string>> },
  ) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.xmlCode = xml.code;
    this.xmlMessage = xml.message ?? message;
    this.xmlDetails = xml.details ?? {};
  }
}

export const gcsFaults = {
  notFound: (bucket: string, name: string) =>
    new GcsFault(404, 'notFound', `No such object: ${bucket}/${name}`, {
      code: 'NoSuchKey',
      message: 'The specified key does not exist.',
      details: { Details: `No such object: ${bucket}/${name}` },
    }),
  noBucket: () =>
    new GcsFault(404, 'notFound', 'The specified bucket does not exist.', { code: 'NoSuchBucket' }),
  forbidden: (who: string, permission: string) => {
    const message = `${who} does not have ${permission} access to the Google Cloud Storage object. Permission '${permission}' denied on resource (or it may not exist).`;
    return new GcsFault(403, 'forbidden', message, {
      code: 'AccessDenied',
      message: 'Access denied.',
      details: { Details: message },
    });
  },
  anonymous: (permission: string) => {
    const message = `Anonymous caller does not have ${permission} access to the Google Cloud Storage object. Permission '${permission}' denied on resource (or it may not exist).`;
    return new GcsFault(401, 'required', message, {
      code: 'AccessDenied',
      message: 'Access denied.',
      details: { Details: message },
    });
  },
  badToken: () =>
    new GcsFault(401, 'authError', 'Invalid Credentials', {
      code: 'AuthenticationRequired',
      message: 'Authentication required.',
    }),
  scopeTooNarrow: () =>
    new GcsFault(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.', {
      code: 'AccessDenied',
      message: 'Access denied.',
      details: { Details: 'Provided scope(s) are not authorized' },
    }),
  precondition: () =>
    new GcsFault(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.', {
      code: 'PreconditionFailed',
    }),
  invalid: (message: string, xmlCode = 'InvalidArgument') =>
    new GcsFault(400, 'invalid', message, {
      code: xmlCode,
      message: 'Invalid argument.',
      details: { Details: message },
    }),
  badDigest: (what: string, given: string, computed: string) =>
    new GcsFault(
      400,
      'invalid',
      `Provided ${what} "${given}" doesn't match calculated ${what} "${computed}".`,
      {
        code: 'BadDigest',
        message: `The ${what} you specified did not match what we received.`,
      },
    ),
  unsatisfiable: () =>
    new GcsFault(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable', {
      code: 'InvalidRange',
      message: 'The requested range cannot be satisfied.',
    }),
  internal: (message: string) => new GcsFault(500, 'backendError', message, { code: 'InternalError' }),
};

export function renderJsonFault(fault: GcsFault): DoubleAnswer {
  const { status, reason, message } = fault;
  const located =
    reason === 'authError' || reason === 'required'
      ? { locationType: 'header', location: 'Authorization' }
      : {};
  const errors = [{ message, domain: 'global', reason, ...located }];
  return jsonAnswer({ error: { code: status, message, errors } }, status);
}

export function renderXmlFault(fault: GcsFault): DoubleAnswer {
  const details = Object.entries(fault.xmlDetails).map(([name, value]) => tag(name, value));
  return {
    status: fault.status,
    headers: { 'content-type': 'application/xml; charset=UTF-8' },
    body: `${XML_DECLARATION}<Error>${tag('Code', fault.xmlCode)}${tag('Message', fault.xmlMessage)}${details.join('')}</Error>`,
  };
}

export function jsonAnswer(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): DoubleAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...headers },
    body: JSON.stringify(value),
  };
}
