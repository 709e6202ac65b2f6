import type { MessagePort } from 'node:worker_threads';
import { failureOf, type WorkerAnswer, type WorkerReply, type WorkerRequest } from './worker-messages.js';
import { Transferring, type WorkerService, type WorkerServices } from './worker-service.js';

/** The worker's side: opens services by name and answers calls on `port` until the thread ends. */
export function hostServices(services: WorkerServices, port: MessagePort): void {
  const instances = new Map<number, WorkerService>();
  port.on('message', (request: WorkerRequest) => {
    void answer(services, instances, request).then(([message, buffers]) =>
      port.postMessage(message, buffers),
    );
  });
  port.postMessage({ ready: true } satisfies WorkerAnswer);
}

async function answer(
  services: WorkerServices,
  instances: Map<number, WorkerService>,
  request: WorkerRequest,
): Promise<[WorkerReply, ArrayBuffer[]]> {
  const { call } = request;
  try {
    const output = await perform(services, instances, request);
    if (output instanceof Transferring) return [{ call, output: output.value }, [...output.buffers]];
    return [{ call, output }, []];
  } catch (error) {
    return [{ call, failure: failureOf(error) }, []];
  }
}

async function perform(
  services: WorkerServices,
  instances: Map<number, WorkerService>,
  request: WorkerRequest,
): Promise<unknown> {
  if ('closeInstance' in request) {
    instances.delete(request.closeInstance);
    return undefined;
  }
  if ('open' in request) {
    const factory = services[request.open];
    if (factory === undefined) throw new Error(`No worker service is called ${request.open}.`);
    instances.set(request.instance, await factory(request.init as never));
    return undefined;
  }
  const service = instances.get(request.instance);
  const method = service?.[request.method];
  if (method === undefined) throw new Error(`No worker method is called ${request.method}.`);
  return method.call(service, request.input as never);
}
