//+------------------------------------------------------------------+
//| CRC-32 (IEEE 802.3, reflected 0xEDB88320), as in zip and zlib.   |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_CRC32_MQH
#define MINUTEHAND_CRC32_MQH

uint g_mhCrcTable[256];
bool g_mhCrcReady = false;

void MhCrcPrepare()
  {
   for(int value = 0; value < 256; value++)
     {
      uint rest = (uint)value;
      for(int bit = 0; bit < 8; bit++)
         rest = (rest & 1) != 0 ? (rest >> 1) ^ 0xEDB88320 : rest >> 1;
      g_mhCrcTable[value] = rest;
     }
   g_mhCrcReady = true;
  }

// Of `count` bytes from `from` on.
uint MhCrc32(const uchar &bytes[], const int from, const int count)
  {
   if(!g_mhCrcReady)
      MhCrcPrepare();
   uint crc = 0xFFFFFFFF;
   for(int at = from; at < from + count; at++)
      crc = g_mhCrcTable[(int)((crc ^ bytes[at]) & 255)] ^ (crc >> 8);
   return crc ^ 0xFFFFFFFF;
  }

// Eight lowercase hex digits.
string MhHex8(const uint value)
  {
   string digits = "0123456789abcdef";
   string text = "";
   for(int shift = 28; shift >= 0; shift -= 4)
      text += StringSubstr(digits, (int)((value >> shift) & 15), 1);
   return text;
  }

#endif
