import type { SeededRandom } from '../seeded-random.js';
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.js';

/** Of the browser's question whether it may, and of the request itself: together a request is longer than that. */
const HEAD_BYTES = 800;
const ANSWERS = 2;
const LATEST_CUT_BYTES = 1024 * 1024;

/**
 * One person's lines to Stowage and to the bucket. They break a known number of times: somewhere in a request, or so that
 * the whole answer is lost, which over TLS is all that a cut can do to an answer.
 */
export class BreakingLines {
  cuts = 0;
  private left = 0;
  private sizeBytes = 0;

  private constructor(
    readonly stowage: TcpProxy,
    readonly bucket: TcpProxy,
    private readonly random: SeededRandom,
  ) {}

  static async to(stowagePort: number, bucketPort: number, random: SeededRandom): Promise<BreakingLines> {
    const onCut = () => lines.countCut();
    const [stowage, bucket] = await Promise.all([
      startTcpProxy({ port: stowagePort }, onCut),
      startTcpProxy({ port: bucketPort }, onCut),
    ]);
    const lines: BreakingLines = new BreakingLines(stowage, bucket, random);
    return lines;
  }

  /** From now on at most so many cuts, for an upload of this size. */
  breakAtMost(cuts: number, sizeBytes: number): void {
    this.left = cuts;
    this.sizeBytes = sizeBytes;
    this.armNext();
  }

  async stop(): Promise<void> {
    await Promise.all([this.stowage.stop(), this.bucket.stop()]);
  }

  private countCut(): void {
    this.cuts += 1;
    this.left -= 1;
    this.armNext();
  }

  private armNext(): void {
    const { stowage, bucket, random } = this;
    for (const { faults } of [stowage, bucket]) {
      faults.cutAfterUpBytes = undefined;
      faults.cutAfterAnswers = undefined;
    }
    if (this.left <= 0) return;
    const { faults } = random.chance(75) ? bucket : stowage;
    const latest = faults === bucket.faults ? Math.min(this.sizeBytes, LATEST_CUT_BYTES) : 0;
    if (random.chance(40)) faults.cutAfterAnswers = random.below(ANSWERS);
    else faults.cutAfterUpBytes = 1 + random.below(HEAD_BYTES + latest);
  }
}
