import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Config } from '../config/config.js';
import { type Access, ACCESS_METADATA, type AuthenticatedRequest } from './access.decorators.js';
import { crossSiteRequest, forbidden } from './auth-errors.js';
import { KeyVerifier } from './key-verifier.service.js';
import { presentedKey } from './presented-key.js';
import { grants } from './principal.js';
import { isFromOwnPage } from './same-origin.js';

/** They change nothing here, whoever makes a browser send them. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Before every handler: who calls, and may they? */
@Injectable()
export class AuthGuard implements CanActivate {
  /** What the decorators say, by handler and class: reflection costs more than the check. */
  readonly #declared = new WeakMap<object, WeakMap<object, Access>>();

  constructor(
    private readonly keys: KeyVerifier,
    private readonly reflector: Reflector,
    private readonly config: Config,
  ) {}

  /** @throws AuthError `unauthenticated`, `key_expired`, `forbidden`, `cross_site_request` */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.accessOf(context);
    if ('public' in access) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const { key, fromCookie } = presentedKey(request.raw.rawHeaders);
    const principal = await this.keys.verify(key);
    const { PUBLIC_URL } = this.config.env;
    if (fromCookie && !SAFE_METHODS.has(request.method) && !isFromOwnPage(request.headers, PUBLIC_URL)) {
      throw crossSiteRequest();
    }
    if (!grants(principal, access.scopes)) throw forbidden();
    request.principal = principal;
    return true;
  }

  /** A route without @Scopes or @Public is our mistake, and nobody gets in by it. */
  private accessOf(context: ExecutionContext): Access {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    const known = this.#declared.get(handler)?.get(controller);
    if (known !== undefined) return known;
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS_METADATA, [
      handler,
      controller,
    ]);
    if (access === undefined) {
      throw new Error(`${controller.name}.${handler.name} declares neither @Scopes nor @Public.`);
    }
    const ofHandler = this.#declared.get(handler) ?? new WeakMap<object, Access>();
    this.#declared.set(handler, ofHandler.set(controller, access));
    return access;
  }
}
