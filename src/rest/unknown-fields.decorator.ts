const IGNORED = Symbol('stowage:unknown-fields-ignored');

/**
 * For messages of programs that may be newer than this server: members that it does not know are left out instead of
 * refused. People's requests are refused, so that a typing error shows itself.
 */
export function IgnoresUnknownFields(): ClassDecorator {
  return (message) => Reflect.defineMetadata(IGNORED, true, message);
}

export function ignoresUnknownFields(message: object | undefined): boolean {
  return message !== undefined && Reflect.getMetadata(IGNORED, message) === true;
}
