import { Body, Controller, HttpCode, Post, Res, UseGuards } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import { Scopes } from '../../auth/access.decorators.js';
import { AgentAccess } from '../../repositories/agent-access.service.js';
import { FileOrders } from '../../repositories/file-orders.service.js';
import { IndexFiles } from '../../repositories/index-files.service.js';
import { Leases } from '../../repositories/leases.service.js';
import { SnapshotCommits } from '../../repositories/snapshot-commits.service.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { LargeJson } from '../../rest/route-options.decorators.js';
import type { CallingAgent } from '../calling-agents.service.js';
import { AgentProtocolGuard, Calling } from './agent-protocol.guard.js';
import { CommitAnswerDto, CommitRequestDto } from './messages/commit.dto.js';
import { LeaseHoldDto } from './messages/heartbeat.dto.js';
import { FileListDto, FileListRequestDto, OrderAnswerDto, OrderRequestDto } from './messages/orders.dto.js';
import {
  accessOf,
  LeaseGrantDto,
  LeaseRequestDto,
  RepositoryAccessDto,
  RestoreGrantDto,
} from './messages/repository-access.dto.js';
import { StoreIndexDto, STORE_INDEX_LIMITS } from './messages/store-index.dto.js';
import { ProtocolHeader } from './protocol-header.decorator.js';

/** How an agent comes to the files of a repository, and makes snapshots of them. */
@ApiTags('Agent protocol')
@Scopes('agent')
@UseGuards(AgentProtocolGuard)
@Controller()
export class AgentRepositoryController {
  constructor(
    private readonly leases: Leases,
    private readonly access: AgentAccess,
    private readonly orders: FileOrders,
    private readonly indexes: IndexFiles,
    private readonly commits: SnapshotCommits,
  ) {}

  /** The answer holds the keys of the repository: for this host’s memory, never for its disk. */
  @Post(AGENT_PATHS.lease)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'takeLease', summary: 'Become the one who writes a workspace’s repository' })
  @ApiOkResponse({ type: LeaseGrantDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'not_found', 'lease_held', 'sealed')
  async lease(
    @Calling() agent: CallingAgent,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { workspace_id }: LeaseRequestDto,
  ): Promise<LeaseGrantDto> {
    void reply.header('cache-control', 'no-store');
    return this.leases.take(agent.id, workspace_id);
  }

  @Post(AGENT_PATHS.releaseLease)
  @HttpCode(204)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'releaseLease', summary: 'Give a lease up' })
  @ApiNoContentResponse({ description: 'Given up, or lost before.' })
  @ApiProblems('unsupported_protocol', 'agent_removed')
  async release(@Calling() agent: CallingAgent, @Body() hold: LeaseHoldDto): Promise<void> {
    await this.leases.release(agent.id, hold);
  }

  /** The answer holds the keys of the repository: for this host’s memory, never for its disk. */
  @Post(AGENT_PATHS.openForRestore)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'openForRestore', summary: 'Open the repository of a restore' })
  @ApiOkResponse({ type: RestoreGrantDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'order_refused', 'lease_lost', 'sealed')
  async openForRestore(
    @Calling() agent: CallingAgent,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: RepositoryAccessDto,
  ): Promise<RestoreGrantDto> {
    void reply.header('cache-control', 'no-store');
    return this.access.openForRestore(agent.id, accessOf(body, ''));
  }

  /** Each URL is good for one file: to create it with exactly these bytes, or to read it. */
  @Post(AGENT_PATHS.orders)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'orderFiles', summary: 'Get URLs for files of a repository' })
  @ApiOkResponse({ type: OrderAnswerDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'order_refused', 'lease_lost', 'sealed')
  async order(
    @Calling() agent: CallingAgent,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { access, puts, gets }: OrderRequestDto,
  ): Promise<OrderAnswerDto> {
    void reply.header('cache-control', 'no-store');
    const request = { access: accessOf(access, '/access'), puts, gets };
    return (await this.orders.order(agent.id, request)) as OrderAnswerDto;
  }

  /** The server reads it before it stores it: an index file that nobody can read would spoil the whole repository. */
  @Post(AGENT_PATHS.storeIndex)
  @HttpCode(204)
  @LargeJson(STORE_INDEX_LIMITS)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'storeIndexFile', summary: 'Store an index file in a repository' })
  @ApiNoContentResponse({ description: 'It lies in the bucket.' })
  @ApiProblems(
    'unsupported_protocol',
    'agent_removed',
    'order_refused',
    'commit_refused',
    'lease_lost',
    'sealed',
  )
  async storeIndex(@Calling() agent: CallingAgent, @Body() body: StoreIndexDto): Promise<void> {
    await this.indexes.store(agent.id, body);
  }

  @Post(AGENT_PATHS.listFiles)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({
    operationId: 'listRepositoryFiles',
    summary: 'List the indexes or snapshots of a repository',
  })
  @ApiOkResponse({ type: FileListDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'order_refused', 'lease_lost', 'sealed')
  async listFiles(
    @Calling() agent: CallingAgent,
    @Body() { access, kind }: FileListRequestDto,
  ): Promise<FileListDto> {
    const request = { access: accessOf(access, '/access'), kind };
    return (await this.orders.list(agent.id, request)) as FileListDto;
  }

  /** The server itself writes the snapshot, if the lease holds and all files are there. Repeated: answered as before. */
  @Post(AGENT_PATHS.commit)
  @HttpCode(200)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'commitSnapshot', summary: 'Make a snapshot of the files stored' })
  @ApiOkResponse({ type: CommitAnswerDto })
  @ApiProblems('unsupported_protocol', 'agent_removed', 'lease_lost', 'commit_refused', 'sealed')
  async commit(@Calling() agent: CallingAgent, @Body() body: CommitRequestDto): Promise<CommitAnswerDto> {
    return this.commits.commit(agent.id, body);
  }
}
