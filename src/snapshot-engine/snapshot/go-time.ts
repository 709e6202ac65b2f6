const BILLION = 1_000_000_000n;
const DAY_SECONDS = 86_400;
/** 9999-12-31T23:59:59 is the last second that RFC 3339 can express. */
const END_OF_YEARS = 253_402_300_800;

const TWO_DIGITS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));

/** Dates of the days last asked for; files of a tree mostly share a few. */
const DATE_CACHE_SIZE = 256;
const cachedDays = new Int32Array(DATE_CACHE_SIZE).fill(-1);
const cachedDates = new Array<string>(DATE_CACHE_SIZE).fill('');

/**
 * RFC 3339 in UTC with up to nine decimals, trailing zeros cut, as Go's time.Time becomes JSON. A year that RFC 3339
 * cannot express becomes 0 or 9999 and all else stays, as in restic.
 */
export function formatTime(ns: bigint): string {
  let wholeSeconds = ns / BILLION;
  let nanos = Number(ns - wholeSeconds * BILLION);
  if (nanos < 0) {
    nanos += 1_000_000_000;
    wholeSeconds -= 1n;
  }
  let seconds = Number(wholeSeconds);
  if (seconds < 0 || seconds >= END_OF_YEARS) seconds = expressible(wholeSeconds);
  const day = Math.floor(seconds / DAY_SECONDS);
  const time = seconds - day * DAY_SECONDS;
  const hour = TWO_DIGITS[(time / 3_600) | 0]!;
  const minute = TWO_DIGITS[((time / 60) | 0) % 60]!;
  const second = TWO_DIGITS[time % 60]!;
  return `${dateOf(day)}T${hour}:${minute}:${second}${decimals(nanos)}Z`;
}

function decimals(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  let end = 9;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return `.${digits.slice(0, end)}`;
}

function dateOf(day: number): string {
  const slot = day & (DATE_CACHE_SIZE - 1);
  if (cachedDays[slot] === day && day !== -1) return cachedDates[slot]!;
  const { year, month, dayOfMonth } = civilOf(day);
  const date = `${String(year).padStart(4, '0')}-${TWO_DIGITS[month]}-${TWO_DIGITS[dayOfMonth]}`;
  cachedDays[slot] = day;
  cachedDates[slot] = date;
  return date;
}

/** The same month, day and time in the year 0 or 9999 when the year is outside; 29 February may become 1 March. */
function expressible(seconds: bigint): number {
  const perDay = BigInt(DAY_SECONDS);
  const day = (seconds - (((seconds % perDay) + perDay) % perDay)) / perDay;
  const time = Number(seconds - day * perDay);
  const { year, month, dayOfMonth } = civilOf(Number(day));
  return dayOf(Math.min(Math.max(year, 0), 9_999), month, dayOfMonth) * DAY_SECONDS + time;
}

interface CivilDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly dayOfMonth: number;
}

const DAYS_IN_ERA = 146_097;

/**
 * Date of a day counted from 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so that the
 * leap day is the last; eras are 400 years (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 */
function civilOf(day: number): CivilDate {
  const sinceYearZero = day + 719_468;
  const era = Math.floor(sinceYearZero / DAYS_IN_ERA);
  const dayOfEra = sinceYearZero - era * DAYS_IN_ERA;
  const leapDays =
    Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    dayOfMonth: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

/** The inverse; a day after the end of its month runs over into the next. */
function dayOf(year: number, month: number, dayOfMonth: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + dayOfMonth - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * DAYS_IN_ERA + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

/**
 * Nanoseconds of an RFC 3339 time with any offset; digits after the ninth decimal are dropped. `undefined` when it is
 * none, or a day that no calendar has.
 */
export function parseTime(text: Uint8Array, start = 0, end = text.length): bigint | undefined {
  if (end - start < 20 || !hasSeparators(text, start)) return undefined;
  const day = parseDay(text, start);
  const timeOfDay = parseTimeOfDay(text, start + 11);
  let at = start + 19;
  let nanos = 0;
  if (text[at] === 0x2e) {
    let scale = 100_000_000;
    const first = ++at;
    for (; at < end && isDigit(text[at]!); at++) {
      nanos += (text[at]! - 0x30) * scale;
      scale = scale === 1 ? 0 : scale / 10;
    }
    if (at === first) return undefined;
  }
  const seconds = day * DAY_SECONDS + timeOfDay - offsetSeconds(text, at, end);
  return Number.isNaN(seconds) ? undefined : BigInt(seconds) * BILLION + BigInt(nanos);
}

/** Days since 1970-01-01 of `yyyy-mm-dd`, or NaN. */
function parseDay(text: Uint8Array, at: number): number {
  const year = digits(text, at, 4);
  const month = digits(text, at + 5, 2);
  const dayOfMonth = digits(text, at + 8, 2);
  const exists = month >= 1 && month <= 12 && dayOfMonth >= 1 && dayOfMonth <= daysIn(year, month);
  return exists ? dayOf(year, month, dayOfMonth) : NaN;
}

/** Seconds of `hh:mm:ss`, or NaN. */
function parseTimeOfDay(text: Uint8Array, at: number): number {
  const hour = digits(text, at, 2);
  const minute = digits(text, at + 3, 2);
  const second = digits(text, at + 6, 2);
  return hour < 24 && minute < 60 && second < 60 ? hour * 3_600 + minute * 60 + second : NaN;
}

/** Seconds east of `Z` or `+hh:mm`, which must end the text, or NaN. */
function offsetSeconds(text: Uint8Array, at: number, end: number): number {
  if (text[at] === 0x5a) return at + 1 === end ? 0 : NaN;
  const sign = text[at] === 0x2b ? 1 : text[at] === 0x2d ? -1 : 0;
  if (sign === 0 || at + 6 !== end || text[at + 3] !== 0x3a) return NaN;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  return hours <= 24 && minutes < 60 ? sign * (hours * 3_600 + minutes * 60) : NaN;
}

function hasSeparators(text: Uint8Array, start: number): boolean {
  return (
    text[start + 4] === 0x2d &&
    text[start + 7] === 0x2d &&
    text[start + 10] === 0x54 &&
    text[start + 13] === 0x3a &&
    text[start + 16] === 0x3a
  );
}

/** NaN when one of them is none. */
function digits(text: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const byte = text[i];
    if (byte === undefined || !isDigit(byte)) return NaN;
    value = value * 10 + byte - 0x30;
  }
  return value;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
