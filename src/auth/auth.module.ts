import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeys } from './api-keys.service.js';
import { AuditController } from './audit.controller.js';
import { AuditLog } from './audit-log.service.js';
import { AuthGuard } from './auth.guard.js';
import { ConfiguredAdminKey } from './configured-admin-key.service.js';
import { KeyUsage } from './key-usage.service.js';
import { KeyVerifier } from './key-verifier.service.js';
import { SessionController } from './session.controller.js';
import { Sessions } from './sessions.service.js';
import { SetupAnnouncer } from './setup-announcer.service.js';
import { SetupLinks } from './setup-links.service.js';
import { SetupController } from './setup.controller.js';
import { UsersController } from './users.controller.js';
import { Users } from './users.service.js';

/** Users, their keys, who may call what, and the audit log that all modules write. */
@Global()
@Module({
  controllers: [UsersController, ApiKeysController, SessionController, SetupController, AuditController],
  providers: [
    { provide: APP_GUARD, useClass: AuthGuard },
    KeyVerifier,
    KeyUsage,
    Users,
    ApiKeys,
    Sessions,
    SetupLinks,
    SetupAnnouncer,
    ConfiguredAdminKey,
    AuditLog,
  ],
  exports: [ApiKeys, AuditLog],
})
export class AuthModule {}
