import { ApiKey } from './api-key.entity.js';
import { AuditEntry } from './audit-entry.entity.js';
import { SetupLink } from './setup-link.entity.js';
import { User } from './user.entity.js';

export const authEntities = [User, ApiKey, SetupLink, AuditEntry];
