import type { Page } from 'playwright-core';
import { launchChromium } from '../chromium.js';

/** What the page of page.mjs offers. */
export interface UploadTask {
  readonly name: string;
  /** Path on the page's own server. */
  readonly from: string;
  /** Origin of Stowage. */
  readonly server: string;
  readonly key: string;
  readonly partBytes: number;
  readonly retryDelays: readonly number[];
}

export interface UploadOutcome {
  readonly fileId?: number;
  readonly error?: string;
}

/** A browser of its own, as one person has it. */
export interface Browser {
  /** A tab on this page, with the memory that earlier ones of the same origin have left. */
  open(url: string): Promise<UploadPage>;
  stop(): Promise<void>;
}

/** Debian's Chromium; connections to the port `from` of this machine reach the port `to`, under the same address. */
export async function startBrowser(line: { readonly from: number; readonly to: number }): Promise<Browser> {
  const browser = await launchChromium(
    `--host-resolver-rules=MAP 127.0.0.1:${line.from} 127.0.0.1:${line.to}`,
  );
  const context = await browser.newContext();
  context.setDefaultTimeout(0);
  return {
    open: async (url) => {
      const page = await context.newPage();
      await page.goto(url);
      return new UploadPage(page);
    },
    stop: () => browser.close(),
  };
}

/** An open tab. */
export class UploadPage {
  constructor(private readonly page: Page) {}

  /** Uploads until it is there or Uppy gives up. */
  send(task: UploadTask): Promise<UploadOutcome> {
    return this.call('send', task);
  }

  begin(task: UploadTask): Promise<void> {
    return this.call('begin', task);
  }

  ended(): Promise<UploadOutcome> {
    return this.call('ended');
  }

  retry(): Promise<UploadOutcome> {
    return this.call('retry');
  }

  cancel(): Promise<void> {
    return this.call('cancel');
  }

  mayAsk(url: string, key: string): Promise<boolean> {
    return this.call('mayAsk', url, key);
  }

  close(): Promise<void> {
    return this.page.close();
  }

  private call<Result>(name: string, ...args: readonly unknown[]): Promise<Result> {
    return this.page.evaluate<Result, readonly [string, readonly unknown[]]>(
      ([method, values]) => {
        const { page } = globalThis as unknown as { page: Record<string, (...args: unknown[]) => Result> };
        return page[method]!(...values);
      },
      [name, args],
    );
  }
}
