declare module 'adm-zip' {
  interface Entry {
    readonly entryName: string;
    readonly isDirectory: boolean;
    readonly header: { readonly size: number; readonly compressedSize: number };
    getData(): Buffer;
  }
  export default class AdmZip {
    /** @param path of an archive; absent: a new one */
    constructor(path?: string);
    getEntries(): Entry[];
    addFile(name: string, content: Buffer): void;
    writeZip(path: string): void;
  }
}
