import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Notifications } from '../database/notifications.service.js';

/** NOTIFY channel on which agents' ids are told; see AgentWishes, who listens. */
export const WISHES_CHANNEL = 'agent_wishes';

/** Tells agents that something else is wanted of them. */
@Injectable()
export class AgentNudges {
  constructor(private readonly notifications: Notifications) {}

  /** The agent syncs as soon as the manager's transaction is committed, on whichever replica it waits. */
  async nudge(manager: EntityManager, agentId: string): Promise<void> {
    await this.notifications.notify(manager, WISHES_CHANNEL, agentId);
  }
}
