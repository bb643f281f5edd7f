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

// The whole of a file; false when it is not there, cannot be opened now, or is too large.
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
   int handle = FileOpen(name, FILE_READ | FILE_BIN | FILE_COMMON | FILE_SHARE_READ | FILE_SHARE_WRITE);
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

long MhFileSize(const string name)
  {
   int handle = FileOpen(name, FILE_READ | FILE_BIN | FILE_COMMON | FILE_SHARE_READ | FILE_SHARE_WRITE);
   if(handle == INVALID_HANDLE)
      return 0;
   long size = (long)FileSize(handle);
   FileClose(handle);
   return size;
  }

// Replaces a file as a whole: beside its place first, then renamed into it.
bool MhReplaceFile(const string name, const string text)
  {
   uchar bytes[];
   int count = MhBytes(text, bytes);
   string fresh = name + ".new";
   int handle = FileOpen(fresh, FILE_WRITE | FILE_BIN | FILE_COMMON);
   if(handle == INVALID_HANDLE)
      return false;
   bool isWritten = FileWriteArray(handle, bytes, 0, count) == (uint)count;
   FileFlush(handle);
   FileClose(handle);
   if(!isWritten)
      return false;
   // A virus scanner may hold the old file for a moment.
   for(int attempt = 0; attempt < 5; attempt++)
      if(FileMove(fresh, FILE_COMMON, name, FILE_COMMON | FILE_REWRITE))
         return true;
   return false;
  }

// Adds lines to a file; half a line that a crash left behind is ended first.
bool MhAppendFile(const string name, const string text)
  {
   uchar last[];
   long size = MhFileSize(name);
   bool isTorn = size > 0 && MhReadPart(name, size - 1, 1, last) && ArraySize(last) == 1 && last[0] != '\n';
   uchar bytes[];
   int count = MhBytes(isTorn ? "\n" + text : text, bytes);
   int handle = FileOpen(name, FILE_READ | FILE_WRITE | FILE_BIN | FILE_COMMON | FILE_SHARE_READ | FILE_SHARE_WRITE);
   if(handle == INVALID_HANDLE)
      return false;
   bool isWritten = FileSeek(handle, 0, SEEK_END) && FileWriteArray(handle, bytes, 0, count) == (uint)count;
   FileFlush(handle);
   FileClose(handle);
   return isWritten;
  }

// Lines with a checksum behind them, so that half a file is known as one.
bool MhSaveSealed(const string name, const string lines)
  {
   uchar bytes[];
   int count = MhBytes(lines, bytes);
   return MhReplaceFile(name, lines + "{\"crc32\":\"" + MhHex8(MhCrc32(bytes, 0, count)) + "\"}\n");
  }

bool MhReadSealed(const string name, string &lines)
  {
   uchar bytes[];
   lines = "";
   if(!MhReadFile(name, bytes))
      return false;
   // `{"crc32":"00000000"}` and a newline
   int sealed = ArraySize(bytes) - 21;
   if(sealed < 0)
      return false;
   string seal = "{\"crc32\":\"" + MhHex8(MhCrc32(bytes, 0, sealed)) + "\"}\n";
   if(MhText(bytes, sealed, 21) != seal)
      return false;
   lines = MhText(bytes, 0, sealed);
   return true;
  }

// What MhSaveSealed wrote. 1: read. 0: there is none. -1: there is one, and it is damaged.
int MhLoadSealed(const string name, string &lines)
  {
   if(MhReadSealed(name, lines))
      return 1;
   // A crash between removing the old file and renaming the new one leaves the new one.
   bool isThere = FileIsExist(name, FILE_COMMON);
   if(!isThere && MhReadSealed(name + ".new", lines))
      return 1;
   return isThere ? -1 : 0;
  }

#endif
