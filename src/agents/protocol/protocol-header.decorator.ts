import { ApiHeader } from '@nestjs/swagger';
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from '../../agent-protocol/protocol.js';

/** Documents the header that AgentProtocolGuard asks for. */
export const ProtocolHeader = () =>
  ApiHeader({
    name: PROTOCOL_HEADER,
    required: true,
    description: 'The version of the protocol that the agent speaks.',
    schema: { type: 'string', enum: [String(PROTOCOL_VERSION)] },
  });
