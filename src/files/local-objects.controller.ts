import { Controller, Get, HttpCode, Put, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../auth/access.decorators.js';
import { NoRateLimit, StreamedBody } from '../rest/route-options.decorators.js';
import { LocalObjects } from './local-objects.js';

/**
 * Signed URLs of local_disk buckets. Public, because the signature in the path is the credential. Not in the API's
 * description: such a URL is made by us and used as it is.
 */
@ApiExcludeController()
@Public()
@NoRateLimit()
@Controller()
export class LocalObjectsController {
  constructor(private readonly objects: LocalObjects) {}

  @Get('/api/v1/local-objects/*')
  download(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.objects.send(request, reply);
  }

  @Put('/api/v1/local-objects/*')
  @HttpCode(200)
  @StreamedBody()
  async upload(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    void reply.header('etag', `"${await this.objects.receive(request)}"`);
  }
}
