import { Module } from '@nestjs/common';

/** Durable work in the same PostgreSQL, and what users see of it. */
@Module({})
export class JobsModule {}
