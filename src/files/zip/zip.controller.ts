import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { BUCKET_PROBLEMS } from '../upload-docs.js';
import { ZipDownloads } from './zip-downloads.js';
import { zipFilenameOf, ZipQuery, zipSelectionOf } from './zip.dto.js';

const ARCHIVE = { 'application/zip': { schema: { type: 'string', format: 'binary' } } };

@ApiTags('Files')
@Controller('/api/v1/files')
export class ZipController {
  constructor(private readonly downloads: ZipDownloads) {}

  /**
   * Made while it is sent, up to 100,000 files. Names are relative to the folder; namesakes get a number. Files are stored
   * as they are, so `Content-Length` is right. A file that is gone or not what was uploaded breaks the connection:
   * an archive that has its end is whole.
   */
  @Get('zip')
  @Scopes('user')
  @ApiOperation({ operationId: 'downloadZip', summary: 'Download a folder, or chosen files, as ZIP' })
  @ApiProduces('application/zip')
  @ApiResponse({ status: 200, description: 'The archive.', content: ARCHIVE })
  @ApiProblems(
    'validation_failed',
    'invalid_folder',
    'invalid_filename',
    'not_found',
    'object_not_found',
    'file_damaged',
    'files_missing',
    'zip_too_large',
    'too_many_zips',
    'cloud_not_configured',
    'sealed',
    'credentials_unreadable',
    ...BUCKET_PROBLEMS,
  )
  zip(@Caller() { userId }: Principal, @Query() query: ZipQuery, @Res() reply: FastifyReply): Promise<void> {
    const selection = zipSelectionOf(query);
    return this.downloads.send(userId, selection, zipFilenameOf(query, selection), reply);
  }
}
