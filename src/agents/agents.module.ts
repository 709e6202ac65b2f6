import { Module } from '@nestjs/common';
import { JobsModule } from '../jobs/jobs.module.js';
import { RepositoriesModule } from '../repositories/repositories.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { AgentNudges } from './agent-nudges.service.js';
import { AgentsController } from './agents.controller.js';
import { Agents } from './agents.service.js';
import { CallingAgents } from './calling-agents.service.js';
import { EmbeddedAgent } from './embedded/embedded-agent.service.js';
import { EmbeddedIdentity } from './embedded/embedded-identity.service.js';
import { EnrolmentTokens } from './enrolment-tokens.service.js';
import { Enrolments } from './enrolments.service.js';
import { Evictions } from './evictions.service.js';
import { AgentPresence } from './protocol/agent-presence.service.js';
import { AgentRepositoryController } from './protocol/agent-repository.controller.js';
import { AgentWishes } from './protocol/agent-wishes.service.js';
import { AgentController } from './protocol/agent.controller.js';
import { AskedRestores } from './protocol/asked-restores.service.js';
import { DesiredStates } from './protocol/desired-states.service.js';
import { EnrolmentController } from './protocol/enrolment.controller.js';
import { Heartbeats } from './protocol/heartbeats.service.js';
import { RestoreReports } from './protocol/restore-reports.service.js';
import { RunReports } from './protocol/run-reports.service.js';
import { Syncs } from './protocol/syncs.service.js';

/** Who may speak for a host, and what it is told. */
@Module({
  imports: [RepositoriesModule, JobsModule, WebhooksModule],
  controllers: [AgentsController, EnrolmentController, AgentController, AgentRepositoryController],
  providers: [
    AgentNudges,
    Agents,
    CallingAgents,
    EmbeddedAgent,
    EmbeddedIdentity,
    EnrolmentTokens,
    Enrolments,
    Evictions,
    AgentPresence,
    AgentWishes,
    AskedRestores,
    DesiredStates,
    Heartbeats,
    RestoreReports,
    RunReports,
    Syncs,
  ],
  exports: [AgentNudges],
})
export class AgentsModule {}
