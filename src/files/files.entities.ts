import { CloudFile } from './cloud-file.entity.js';
import { FileVersion } from './file-version.entity.js';
import { UploadPart } from './upload-part.entity.js';
import { Upload } from './upload.entity.js';

export const filesEntities = [CloudFile, FileVersion, Upload, UploadPart];
