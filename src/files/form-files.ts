import { isUtf8 } from 'node:buffer';
import { invalidForm, fileTooLarge } from './file-errors.js';
import { assertFilename } from './filename.js';
import { lastPartBytes } from './form-length.js';
import type { FormPart } from './form-part.js';
import { FormReader } from './form-reader.js';
import type { IncomingFile } from './incoming-file.js';
import { MeasuredContent } from './measured-content.js';
import { cleanMediaType } from './media-type.js';
import type { ByteSource } from './request-bytes.js';
import { FORM_LIMITS } from './upload-limits.js';
import { PLACE_FIELDS, placeWithField, type UploadPlace } from './upload-place.js';

/** Names under which a form may carry files: one in `file`, any number in the others. */
const ONE = 'file';
const MANY: readonly string[] = ['files', 'files[]'];

export interface FormFilesOptions {
  readonly boundary: string;
  readonly contentLength: number | undefined;
  /** The most that a file may have. */
  readonly limitBytes: (sizeKnown: boolean) => number;
  /** What holds for the files where no field before them says otherwise. */
  readonly place?: UploadPlace;
}

/**
 * The files of a multipart form, one after the other; each must be read to its end before the next is asked for.
 * Fields before them may tell their place; other fields are read over.
 */
export class FormFiles {
  private readonly form: FormReader;
  private field: string | undefined;
  private fields = 0;
  private files = 0;
  private place: UploadPlace;

  constructor(
    source: ByteSource,
    private readonly options: FormFilesOptions,
  ) {
    this.form = new FormReader(source, options.boundary);
    this.place = options.place ?? {};
  }

  /** Whether the form used the field for many files; known from the first file on. */
  get many(): boolean {
    return this.field !== ONE;
  }

  /** @returns null after the last, when the whole form was read and was well-formed */
  async next(): Promise<IncomingFile | null> {
    for (;;) {
      const part = await this.form.nextPart();
      if (part === null) return null;
      if (part.filename !== undefined) return this.fileOf(part, part.filename);
      await this.takeField(part.name);
    }
  }

  private fileOf(part: FormPart, filename: string): IncomingFile {
    this.assertField(part.name);
    this.files++;
    if (this.files > FORM_LIMITS.files) throw invalidForm(`it has more than ${FORM_LIMITS.files} files.`);
    assertFilename(filename);
    const { boundary, contentLength } = this.options;
    const sizeBytes = this.many ? undefined : lastPartBytes(contentLength, this.form, boundary);
    const limitBytes = this.options.limitBytes(sizeBytes !== undefined);
    if (sizeBytes !== undefined && sizeBytes > limitBytes) throw fileTooLarge(limitBytes);
    return {
      ...this.place,
      filename,
      contentType: cleanMediaType(part.contentType),
      sizeBytes,
      limitBytes: Math.min(limitBytes, this.restBytes()),
      content: new MeasuredContent(
        this.form,
        limitBytes,
        this.many ? {} : { atEnd: () => this.assertLast() },
      ),
    };
  }

  private assertField(name: string): void {
    if (name !== ONE && !MANY.includes(name)) {
      throw invalidForm(
        'a file is in an unknown field; the fields are "file" (one file) and "files" (many).',
      );
    }
    if (this.field !== undefined && name !== this.field)
      throw invalidForm('it mixes the fields "file" and "files".');
    this.field = name;
  }

  /** No file of this form can be longer than what is left of the body. */
  private restBytes(): number {
    const { contentLength } = this.options;
    return contentLength === undefined ? Infinity : Math.max(contentLength - this.form.consumedBytes, 0);
  }

  private async assertLast(): Promise<void> {
    if ((await this.form.nextPart()) === null) return;
    throw invalidForm(
      'the field "file" must be its last part. Put fields before it, or use "files" for many files.',
    );
  }

  private async takeField(name: string): Promise<void> {
    this.fields++;
    if (this.fields > FORM_LIMITS.fields) throw invalidForm(`it has more than ${FORM_LIMITS.fields} fields.`);
    const field = PLACE_FIELDS.find((known) => known === name);
    const value = await this.readField(field !== undefined);
    if (field === undefined) return;
    if (this.files > 0) throw invalidForm(`the field "${field}" must come before the files.`);
    if (!isUtf8(value)) throw invalidForm(`the field "${field}" is not UTF-8.`);
    this.place = placeWithField(this.place, field, value.toString('utf8'));
  }

  /** @returns its bytes when they are wanted, otherwise none */
  private async readField(wanted: boolean): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (let piece = await this.form.read(); piece !== null; piece = await this.form.read()) {
      bytes += piece.length;
      if (bytes > FORM_LIMITS.fieldBytes)
        throw invalidForm(`a field has more than ${FORM_LIMITS.fieldBytes} bytes.`);
      if (wanted) pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }
}
