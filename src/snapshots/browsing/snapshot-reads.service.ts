import { Injectable } from '@nestjs/common';
import { validationFailed } from '../../errors/request-errors.js';
import { decodeCursor, encodeCursor } from '../../rest/cursor.js';
import type { PageQuery } from '../../rest/page.dto.js';
import type { SnapshotChange } from '../../snapshot-engine/index.js';
import { changeJson, entryJson, versionJson } from './entry-json.js';
import type {
  ContentParameters,
  DiffParameters,
  EntryPageDto,
  FileVersionsDto,
  PathParameters,
  SnapshotDiffDto,
} from './entry.dto.js';
import { SnapshotBrowsers } from './snapshot-browsers.service.js';
import { readSnapshotPath } from './snapshot-paths.js';

/** A page of a comparison begins by comparing again: behind so many changes it is refused. */
export const MAX_DIFF_CHANGES = 100_000;

/** Looks into snapshots, page by page. */
@Injectable()
export class SnapshotReads {
  constructor(private readonly browsers: SnapshotBrowsers) {}

  /** @throws what SnapshotBrowsers and SnapshotBrowser throw; RequestError `validation_failed` */
  async entries(
    userId: number,
    id: string,
    query: PathParameters,
    signal: AbortSignal,
  ): Promise<EntryPageDto> {
    const path = readSnapshotPath(query);
    const { browser, row } = await this.browsers.open(userId, id);
    const { entries, isLast, problems } = await browser.listDirectory(row, path, {
      after: afterOf(query),
      limit: query.limit,
      signal,
    });
    const last = entries.at(-1);
    return {
      data: entries.map((node) => entryJson(node, [...path, node.name])),
      next_cursor:
        isLast || last === undefined ? null : encodeCursor({ after: last.name.toString('base64') }),
      problems: problems.map(({ code, message }) => ({ code, detail: message })),
    };
  }

  /** @throws what SnapshotBrowsers and SnapshotBrowser throw; RequestError `validation_failed` without a path */
  async versions(
    userId: number,
    workspaceId: string,
    query: ContentParameters,
    signal: AbortSignal,
  ): Promise<FileVersionsDto> {
    const path = readSnapshotPath(query);
    if (path.length === 0) {
      throw validationFailed([
        { pointer: 'path', detail: 'must name a file or directory', code: 'required' },
      ]);
    }
    const { browser, snapshots, isCut } = await this.browsers.newest(userId, workspaceId);
    const { versions, absentFrom } = await browser.fileVersions(snapshots, path, { signal });
    return {
      data: versions.map((version) => versionJson(version, path)),
      absent_from: absentFrom.length,
      examined_snapshots: snapshots.length,
      is_complete: !isCut,
    };
  }

  /** @throws what SnapshotBrowsers and SnapshotBrowser throw; RequestError `validation_failed` */
  async diff(
    userId: number,
    id: string,
    query: DiffParameters,
    signal: AbortSignal,
  ): Promise<SnapshotDiffDto> {
    const skip = skippedBy(query);
    const { before, after, browser } = await this.browsers.pair(userId, id, query.against);
    const changes: SnapshotChange[] = [];
    let seen = 0;
    for await (const change of browser.diffSnapshots(before, after, { signal })) {
      seen += 1;
      if (seen > skip) changes.push(change);
      if (changes.length > query.limit) break;
    }
    const shown = changes.slice(0, query.limit);
    return {
      from_snapshot_id: before.id,
      to_snapshot_id: after.id,
      data: shown.map(changeJson),
      next_cursor: changes.length > shown.length ? encodeCursor({ skip: skip + shown.length }) : null,
    };
  }
}

function afterOf({ cursor }: PageQuery): Buffer | undefined {
  if (cursor === undefined) return undefined;
  return Buffer.from(decodeCursor<{ after: string }>(cursor, { after: 'text' }).after, 'base64');
}

function skippedBy({ cursor }: PageQuery): number {
  if (cursor === undefined) return 0;
  const { skip } = decodeCursor<{ skip: number }>(cursor, { skip: 'integer' });
  if (skip >= 0 && skip < MAX_DIFF_CHANGES) return skip;
  const detail = `is beyond the ${MAX_DIFF_CHANGES} changes that are shown; compare snapshots that are closer together`;
  throw validationFailed([{ pointer: 'cursor', detail, code: 'too_far' }]);
}
