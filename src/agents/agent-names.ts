import { type EntityManager, IsNull } from 'typeorm';
import { Agent } from '../repositories/agent.entity.js';
import { agentNameTaken } from './agents-error.js';

/** @throws AgentsError `agent_name_taken` */
export async function assertNameIsFree(manager: EntityManager, userId: number, name: string): Promise<void> {
  if (await manager.existsBy(Agent, { userId, name, removedAt: IsNull() })) throw agentNameTaken(name);
}

/** Until the end of the transaction nobody else gives a name to an agent of this user. */
export async function lockNames(manager: EntityManager, userId: number): Promise<void> {
  await manager.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
}

/** `wanted`, or `wanted-2` and so on: several servers on one database each have an embedded agent. */
export async function nextFreeName(manager: EntityManager, userId: number, wanted: string): Promise<string> {
  const agents = await manager.findBy(Agent, { userId, removedAt: IsNull() });
  const taken = new Set(agents.map(({ name }) => name));
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.has(name)) return name;
  }
}
