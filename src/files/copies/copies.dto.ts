import { PickType } from '@nestjs/swagger';
import { ChangeFile } from '../organising/organising.dto.js';

/** What the copy is called; what is left out is as it is with the file. */
export class CopyFile extends PickType(ChangeFile, ['filename', 'folder', 'tags']) {}
