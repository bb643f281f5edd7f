//+------------------------------------------------------------------+
//| Files of the folder that all terminals share (Common\Files), as  |
//| bytes: text files would be UTF-16.                               |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_FILES_MQH
#define MINUTEHAND_FILES_MQH

#include "Crc32.mqh"
#include "Text.mqh"

// A signal has 900 bytes, the state of a pair with a thousand ids 34,000.
#define MH_FILE_LIMIT 1048576

// A virus scanner locks a file just written for tens of milliseconds.
#define MH_FILE_TRIES 6
#define MH_FILE_PAUSE_MS 25

#define MH_SEAL_OK 1
#define MH_SEAL_NONE 0
#define MH_SEAL_DAMAGED -1
// Another program has the file open: try again later.
#define MH_SEAL_HELD -2

// FileOpen with pauses while another program holds the file.
int MhOpen(const string name, const int flags)
  {
   for(int attempt = 1; attempt <= MH_FILE_TRIES; attempt++)
     {
      int handle = FileOpen(name, flags | FILE_BIN | FILE_COMMON);
      if(handle != INVALID_HANDLE)
         return handle;
      bool isMissing = (flags & FILE_WRITE) == 0 && !FileIsExist(name, FILE_COMMON);
      if(isMissing)
         return INVALID_HANDLE;
      if(attempt < MH_FILE_TRIES)
         Sleep(MH_FILE_PAUSE_MS);
     }
   return INVALID_HANDLE;
  }

// Reads a whole file; false when it is absent, cannot be opened now, or is too large.
bool MhReadFile(const string name, uchar &bytes[])
  {
   ArrayResize(bytes, 0);
   int handle = FileOpen(name, FILE_READ | FILE_BIN | FILE_COMMON | FILE_SHARE_READ | FILE_SHARE_WRITE);
   if(handle == INVALID_HANDLE)
      return false;
   ulong size = FileSize(handle);
   bool isFine = size <= MH_FILE_LIMIT;
   if(isFine && size > 0)
      isFine = FileReadArray(handle, bytes, 0, (int)size) == (uint)size;
   FileClose(handle);
   return isFine;
  }

// The bytes of a file from `offset` on, `limit` at most.
bool MhReadPart(const string name, const long offset, const int limit, uchar &bytes[])
  {
   ArrayResize(bytes, 0);
   int handle = MhOpen(name, FILE_READ | FILE_SHARE_READ | FILE_SHARE_WRITE);
   if(handle == INVALID_HANDLE)
      return false;
   long rest = (long)FileSize(handle) - offset;
   bool isFine = rest >= 0;
   if(rest > 0)
     {
      int count = rest > limit ? limit : (int)rest;
      isFine = FileSeek(handle, offset, SEEK_SET) && FileReadArray(handle, bytes, 0, count) == (uint)count;
     }
   FileClose(handle);
   return isFine;
  }

// Bytes of a file: 0 when there is none, -1 when it cannot be opened now.
long MhFileSize(const string name)
  {
   int handle = MhOpen(name, FILE_READ | FILE_SHARE_READ | FILE_SHARE_WRITE);
   if(handle == INVALID_HANDLE)
      return FileIsExist(name, FILE_COMMON) ? -1 : 0;
   long size = (long)FileSize(handle);
   FileClose(handle);
   return size;
  }

// Replaces a file atomically: writes a temporary file, then renames it.
bool MhReplaceFile(const string name, const string text)
  {
   uchar bytes[];
   int count = MhBytes(text, bytes);
   string fresh = name + ".new";
   int handle = MhOpen(fresh, FILE_WRITE);
   if(handle == INVALID_HANDLE)
      return false;
   bool isWritten = FileWriteArray(handle, bytes, 0, count) == (uint)count;
   FileFlush(handle);
   FileClose(handle);
   if(!isWritten)
      return false;
   for(int attempt = 1; attempt <= MH_FILE_TRIES; attempt++)
     {
      if(FileMove(fresh, FILE_COMMON, name, FILE_COMMON | FILE_REWRITE))
         return true;
      if(attempt < MH_FILE_TRIES)
         Sleep(MH_FILE_PAUSE_MS);
     }
   return false;
  }

// Appends lines to a file; a truncated line left by a crash is terminated first.
bool MhAppendFile(const string name, const string text)
  {
   int handle = MhOpen(name, FILE_READ | FILE_WRITE | FILE_SHARE_READ | FILE_SHARE_WRITE);
   if(handle == INVALID_HANDLE)
      return false;
   uchar last[];
   long size = (long)FileSize(handle);
   bool isTorn = size > 0 && FileSeek(handle, size - 1, SEEK_SET) && FileReadArray(handle, last, 0, 1) == 1 && last[0] != '\n';
   uchar bytes[];
   int count = MhBytes(isTorn ? "\n" + text : text, bytes);
   bool isWritten = FileSeek(handle, 0, SEEK_END) && FileWriteArray(handle, bytes, 0, count) == (uint)count;
   FileFlush(handle);
   FileClose(handle);
   return isWritten;
  }

// Renames a file to `.1`, over an older one, when it would grow beyond `limit` bytes; where it cannot be renamed, it
// grows. @returns whether it was renamed
bool MhRenameFull(const string name, const long added, const long limit)
  {
   long size = MhFileSize(name);
   return size > 0 && size + added > limit && FileMove(name, FILE_COMMON, name + ".1", FILE_COMMON | FILE_REWRITE);
  }

// Writes lines followed by a checksum, so that a truncated file is recognized.
bool MhSaveSealed(const string name, const string lines)
  {
   uchar bytes[];
   int count = MhBytes(lines, bytes);
   return MhReplaceFile(name, lines + "{\"crc32\":\"" + MhHex8(MhCrc32(bytes, 0, count)) + "\"}\n");
  }

// MH_SEAL_OK, MH_SEAL_NONE, MH_SEAL_DAMAGED or MH_SEAL_HELD.
int MhReadSealed(const string name, string &lines)
  {
   uchar bytes[];
   lines = "";
   if(!FileIsExist(name, FILE_COMMON))
      return MH_SEAL_NONE;
   if(!MhReadPart(name, 0, MH_FILE_LIMIT, bytes))
      return MH_SEAL_HELD;
   // `{"crc32":"00000000"}` and a newline
   int sealed = ArraySize(bytes) - 21;
   if(sealed < 0)
      return MH_SEAL_DAMAGED;
   string seal = "{\"crc32\":\"" + MhHex8(MhCrc32(bytes, 0, sealed)) + "\"}\n";
   if(MhText(bytes, sealed, 21) != seal)
      return MH_SEAL_DAMAGED;
   lines = MhText(bytes, 0, sealed);
   return MH_SEAL_OK;
  }

// Reads what MhSaveSealed wrote. FileMove may copy: a crash in it leaves the target missing or damaged and the new file
// complete.
int MhLoadSealed(const string name, string &lines)
  {
   int found = MhReadSealed(name, lines);
   if(found == MH_SEAL_OK || found == MH_SEAL_HELD)
      return found;
   int fresh = MhReadSealed(name + ".new", lines);
   if(fresh == MH_SEAL_HELD)
      return MH_SEAL_HELD;
   if(fresh != MH_SEAL_OK)
      return found;
   // Renamed before another temporary file is written.
   return FileCopy(name + ".new", FILE_COMMON, name, FILE_COMMON | FILE_REWRITE) ? MH_SEAL_OK : MH_SEAL_HELD;
  }

#endif
