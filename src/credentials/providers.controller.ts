import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Scopes } from '../auth/access.decorators.js';
import { Config } from '../config/config.js';
import { notFound } from '../errors/request-errors.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import type { StorageProvider } from '../storage-providers/storage-provider.js';
import { providerJson } from './provider-json.js';
import { ProviderDto, ProviderListDto } from './providers.dto.js';

@ApiTags('Providers')
@Controller()
export class ProvidersController {
  constructor(
    private readonly registry: ProviderRegistry,
    private readonly config: Config,
  ) {}

  /** Fields with their help, the least policy that a key needs, prices and quirks: enough to draw a form. */
  @Get('/api/v1/providers')
  @Scopes('user')
  @ApiOperation({ operationId: 'listProviders', summary: 'List the kinds of store that can be used' })
  list(): ProviderListDto {
    return { data: this.registry.providers.map((provider) => this.json(provider)) };
  }

  /** Takes the short names of the implementation guide too: aws, gcp, azure, digitalocean. */
  @Get('/api/v1/providers/:name')
  @Scopes('user')
  @ApiOperation({ operationId: 'getProvider', summary: 'Show one kind of store' })
  @ApiProblems('not_found')
  show(@Param('name') name: string): ProviderDto {
    const provider = this.registry.find(name);
    if (provider === undefined) throw notFound('provider');
    return this.json(provider);
  }

  private json(provider: StorageProvider): ProviderDto {
    return providerJson(provider, this.config.env.CORS_ORIGINS);
  }
}
