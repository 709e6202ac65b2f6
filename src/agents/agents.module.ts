import { Module } from '@nestjs/common';

/** Who may speak for a host, and what it is told. */
@Module({})
export class AgentsModule {}
