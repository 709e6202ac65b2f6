import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { IsInt, IsString, MaxLength, ValidateNested } from 'class-validator';
import type { FieldError } from '../errors/stowage-error.js';
import { PageQuery } from '../rest/page.dto.js';
import { IgnoresUnknownFields } from '../rest/unknown-fields.decorator.js';
import { RequestValidationPipe } from './validation.pipe.js';

class Inner {
  @IsString()
  name: string;
}

class Outer {
  @IsInt()
  count: number;

  @IsString()
  @MaxLength(3)
  text: string;

  @ValidateNested({ each: true })
  @Type(() => Inner)
  items: Inner[];
}

@IgnoresUnknownFields()
class Tolerant {
  @ValidateNested()
  @Type(() => Inner)
  inner: Inner;
}

const pipe = new RequestValidationPipe();

async function problemsOf(
  value: unknown,
  metatype: new () => object,
  type: 'body' | 'query' = 'body',
): Promise<FieldError[]> {
  const result = await pipe.transform(value, { type, metatype }).catch((error: unknown) => error);
  expect(result).toMatchObject({ code: 'validation_failed' });
  return [...(result as { errors: FieldError[] }).errors];
}

describe('validation', () => {
  it('names all wrong fields at once, nested ones by JSON pointer', async () => {
    const problems = await problemsOf(
      { count: 'x', text: 'long', items: [{ name: 'a' }, { name: 1 }] },
      Outer,
    );
    expect(problems).toEqual([
      { pointer: '/count', detail: 'must be an integer number', code: 'is_int' },
      { pointer: '/text', detail: 'must be shorter than or equal to 3 characters', code: 'max_length' },
      { pointer: '/items/1/name', detail: 'must be a string', code: 'is_string' },
    ]);
  });

  it('leaves them out where the sender may know more than we do, and is as strict about all others', async () => {
    const sent = { inner: { name: 'a', colour: 'red' }, mood: 1 };
    const read = await pipe.transform(sent, { type: 'body', metatype: Tolerant });
    expect(read).toEqual({ inner: { name: 'a' } });
    const [problem] = await problemsOf({ inner: { name: 1 }, mood: 1 }, Tolerant);
    expect(problem).toMatchObject({ pointer: '/inner/name', code: 'is_string' });
  });

  it('refuses members that nobody declared, with their name escaped and cut', async () => {
    const [slashed, long] = await problemsOf(
      { count: 1, text: 'a', items: [], 'a/b~c': 1, ['n'.repeat(5_000)]: 1 },
      Outer,
    );
    expect(slashed).toEqual({
      pointer: '/a~1b~0c',
      detail: 'is not a known field',
      code: 'whitelist_validation',
    });
    expect(long!.pointer.length).toBeLessThan(150);
  });

  it('names a query parameter as it is written in the query', async () => {
    expect((await problemsOf({ limit: '1001' }, PageQuery, 'query'))[0]).toMatchObject({ pointer: 'limit' });
  });

  it.each(['0', '-1', '1e3', '0x10', '10abc', '1.5', '', ' 1', '1000000000', 'NaN'])(
    'refuses limit=%s',
    async (limit) => {
      expect(await problemsOf({ limit }, PageQuery, 'query')).not.toHaveLength(0);
    },
  );

  it('refuses a repeated parameter', async () => {
    expect(await problemsOf({ limit: ['1', '2'] }, PageQuery, 'query')).not.toHaveLength(0);
  });

  it('gives the handler an instance with defaults and numbers', async () => {
    const query = (await pipe.transform({}, { type: 'query', metatype: PageQuery })) as PageQuery;
    expect(query).toBeInstanceOf(PageQuery);
    expect(query.limit).toBe(50);
    expect(await pipe.transform({ limit: '7' }, { type: 'query', metatype: PageQuery })).toMatchObject({
      limit: 7,
    });
  });

  it('does not repeat a value, which may be a secret', async () => {
    const problems = await problemsOf({ count: 'hunter2', text: 'hunter2hunter2', items: [] }, Outer);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});
