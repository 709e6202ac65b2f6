import { Module } from '@nestjs/common';
import { AgentNudges } from './agent-nudges.service.js';

/** Who may speak for a host, and what it is told. */
@Module({ providers: [AgentNudges], exports: [AgentNudges] })
export class AgentsModule {}
