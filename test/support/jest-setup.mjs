// CommonJS packages that require() ESM Nest would otherwise meet a half-loaded module graph.
import '@nestjs/common';
import '@nestjs/core';
