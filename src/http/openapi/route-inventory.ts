import { type INestApplication, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/internal';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ACCESS_METADATA, type Access } from '../../auth/access.decorators.js';
import { NO_RATE_LIMIT } from '../../rest/route-options.decorators.js';

export interface RouteEntry {
  /** Lower case, as in an OpenAPI path item. */
  readonly method: string;
  /** As in OpenAPI: `/api/v1/files/{id}`. */
  readonly path: string;
  /** `FilesController.list`, for messages. */
  readonly handler: string;
  /** Undefined when somebody forgot to declare it: such a route must not exist. */
  readonly access: Access | undefined;
  /** Whether calls count against a rate limit. */
  readonly isLimited: boolean;
}

type Handler = (...args: unknown[]) => unknown;

/** Every route of every controller that the application has, with who may call it. */
export function routeInventory(app: INestApplication): RouteEntry[] {
  const entries: RouteEntry[] = [];
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype === 'function')
        entries.push(...routesOf(metatype as Handler & { prototype: object }));
    }
  }
  return entries;
}

function routesOf(controller: Handler & { prototype: object }): RouteEntry[] {
  const prototype = controller.prototype as Record<string, Handler>;
  const entries: RouteEntry[] = [];
  for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
    const handler = prototype[name]!;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) continue;
    const declared = (key: string): unknown =>
      Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
    const traits = {
      handler: `${controller.name}.${name}`,
      access: declared(ACCESS_METADATA) as Access | undefined,
      isLimited: declared(NO_RATE_LIMIT) !== true,
    };
    for (const prefix of pathsOf(controller)) {
      for (const path of pathsOf(handler)) {
        entries.push({ method: RequestMethod[method].toLowerCase(), path: joined(prefix, path), ...traits });
      }
    }
  }
  return entries;
}

function pathsOf(target: Handler): string[] {
  return [Reflect.getMetadata(PATH_METADATA, target) as string | string[]].flat();
}

function joined(...parts: string[]): string {
  const path = parts
    .flatMap((part) => part.split('/'))
    .filter(Boolean)
    .join('/');
  return `/${path.replaceAll(/:(\w+)/g, '{$1}')}`;
}
