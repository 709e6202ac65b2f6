import { Module } from '@nestjs/common';

/** The repositories of workspaces: opening, leases, orders, commits. */
@Module({})
export class RepositoriesModule {}
