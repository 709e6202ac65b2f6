import {
  type ArgumentMetadata,
  Injectable,
  type PipeTransform,
  ValidationPipe,
  type ValidationPipeOptions,
} from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { validationFailed } from '../errors/request-errors.js';
import type { FieldError } from '../errors/stowage-error.js';
import { ignoresUnknownFields } from '../rest/unknown-fields.decorator.js';

/** Carries class-validator's findings from its factory to where the kind of argument is known. */
class Findings extends Error {
  constructor(readonly errors: readonly ValidationError[]) {
    super('invalid');
  }
}

const OPTIONS: ValidationPipeOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  transform: true,
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => new Findings(errors),
};

/**
 * Validates every DTO: unknown members are refused (or left out, with @IgnoresUnknownFields), all wrong fields are named
 * at once, no value is repeated.
 */
@Injectable()
export class RequestValidationPipe implements PipeTransform {
  readonly #strict = new ValidationPipe(OPTIONS);
  readonly #tolerant = new ValidationPipe({ ...OPTIONS, forbidNonWhitelisted: false });

  /** @throws RequestError `validation_failed` */
  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const pipe = ignoresUnknownFields(metadata.metatype) ? this.#tolerant : this.#strict;
    try {
      return (await pipe.transform(value, metadata)) as unknown;
    } catch (error) {
      if (!(error instanceof Findings)) throw error;
      throw validationFailed(
        error.errors.flatMap((finding) => fieldErrors(finding, metadata.type === 'body' ? '/' : '')),
      );
    }
  }
}

const MAX_NAME_CHARS = 100;

/** @param prefix of the pointer: JSON pointers begin with a slash, parameters are plain names */
function fieldErrors(finding: ValidationError, prefix: string): FieldError[] {
  const pointer = prefix + pointerToken(finding.property, prefix !== '');
  const own = Object.entries(finding.constraints ?? {}).map(([rule, message]) => ({
    pointer,
    detail: withoutName(message, finding.property),
    code: toSnakeCase(rule),
  }));
  return [...own, ...(finding.children ?? []).flatMap((child) => fieldErrors(child, `${pointer}/`))];
}

/** RFC 6901 escapes; cut, because an unknown member's name may be as long as the body. */
function pointerToken(name: string, isPointer: boolean): string {
  const short = name.length > MAX_NAME_CHARS ? `${name.slice(0, MAX_NAME_CHARS)}…` : name;
  return isPointer ? short.replaceAll('~', '~0').replaceAll('/', '~1') : short;
}

/** class-validator's sentences begin with the name, which the pointer says already. */
function withoutName(message: string, name: string): string {
  if (message === `property ${name} should not exist`) return 'is not a known field';
  return message.startsWith(`${name} `) ? message.slice(name.length + 1) : message;
}

function toSnakeCase(rule: string): string {
  return rule.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
