import { Controller, Get, Header, Injectable } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '../../auth/access.decorators.js';
import { NoRateLimit } from '../../rest/route-options.decorators.js';
import { errorsHtml } from './error-pages.js';

/** The OpenAPI document as text, built when it is first asked for. */
@Injectable()
export class ApiDocument {
  #describe: () => string = () => '{}';
  #text: string | undefined;

  /** Called once by the factory, which has the application; no provider has. */
  describedBy(describe: () => string): void {
    this.#describe = describe;
  }

  get text(): string {
    return (this.#text ??= this.#describe());
  }
}

/** Relative links: the server may stand below a path of its proxy. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Stowage API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;
const START = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true, tryItOutEnabled: true });\n`;

/** What people and generators read about the API. */
@ApiExcludeController()
@Public()
@NoRateLimit()
@Controller()
export class ApiDocsController {
  constructor(private readonly document: ApiDocument) {}

  @Header('Content-Type', 'application/json; charset=utf-8')
  @Get('api/openapi.json')
  openapi(): string {
    return this.document.text;
  }

  @Header('Content-Type', 'text/html; charset=utf-8')
  @Get('api/docs')
  page(): string {
    return PAGE;
  }

  /** A file of its own: the policy for scripts allows nothing inline. */
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Get('api/docs/start.js')
  start(): string {
    return START;
  }

  @Header('Content-Type', 'text/html; charset=utf-8')
  @Get('docs/errors')
  errors(): string {
    return errorsHtml();
  }
}
