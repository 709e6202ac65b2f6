import { ApiExtension } from '@nestjs/swagger';

/** Operation member of the OpenAPI document in which the codes wait for their statuses. */
export const PROBLEM_CODES = 'x-problem-codes';

/**
 * Documents the error codes that a route answers besides those that every route may answer. Their statuses are
 * filled in from the one table in src/http; an unknown code fails `npm run openapi`.
 */
export const ApiProblems = (...codes: string[]): MethodDecorator => ApiExtension(PROBLEM_CODES, codes);
