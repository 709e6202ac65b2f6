import { Module } from '@nestjs/common';
import { Proofs } from './proofs.service.js';
import { RestoreSteps } from './restore-steps.service.js';

/** The repositories of workspaces: opening, leases, orders, commits. */
@Module({ providers: [Proofs, RestoreSteps], exports: [Proofs, RestoreSteps] })
export class RepositoriesModule {}
