//+------------------------------------------------------------------+
//| RESP2, the protocol of Redis: commands to bytes, and bytes in    |
//| pieces of any size to replies. No socket here.                   |
//| https://redis.io/docs/latest/develop/reference/protocol-spec/    |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_RESP_MQH
#define MINUTEHAND_RESP_MQH

#include "Text.mqh"

// A bulk string: a batch of signals has 900 bytes a pair.
#define MH_RESP_BULK_LIMIT 1048576
#define MH_RESP_ITEM_LIMIT 1024
#define MH_RESP_DEPTH 4
#define MH_RESP_LINE_LIMIT 4096

#define MH_RESP_MORE 0
#define MH_RESP_GOT 1
// Not RESP2, or too large: close the connection.
#define MH_RESP_BROKEN -1

// One reply, its items in one list; nested arrays are flattened in order.
struct MhReply
  {
   // Type of the reply: '+', '-', ':', '$' or '*'.
   int               kind;
   // Its bytes, or those of all items concatenated.
   uchar             data[];
   int               items;
   int               from[];
   // -1: null.
   int               lengths[];
  };

string MhReplyText(const MhReply &reply, const int item)
  {
   if(item < 0 || item >= reply.items || reply.lengths[item] <= 0)
      return "";
   return MhText(reply.data, reply.from[item], reply.lengths[item]);
  }

class MhRespReader
  {
private:
   uchar             m_bytes[];
   int               m_begin;
   int               m_end;
   int               m_at;

   // The text of a line up to CR LF; MH_RESP_MORE while it is incomplete.
   int               TakeLine(int &from, int &length)
     {
      from = m_at;
      for(int at = m_at; at + 1 < m_end; at++)
        {
         if(m_bytes[at] == '\r' && m_bytes[at + 1] == '\n')
           {
            length = at - from;
            m_at = at + 2;
            return MH_RESP_GOT;
           }
         if(at - from > MH_RESP_LINE_LIMIT)
            return MH_RESP_BROKEN;
        }
      return MH_RESP_MORE;
     }

   bool              IsWhole(const int from, const int length)
     {
      int first = length > 1 && m_bytes[from] == '-' ? 1 : 0;
      if(length - first < 1 || length - first > 18)
         return false;
      for(int at = from + first; at < from + length; at++)
         if(m_bytes[at] < '0' || m_bytes[at] > '9')
            return false;
      return true;
     }

   void              AddItem(MhReply &reply, const int from, const int length)
     {
      int count = reply.items;
      int size = ArraySize(reply.data);
      ArrayResize(reply.from, count + 1, 64);
      ArrayResize(reply.lengths, count + 1, 64);
      reply.from[count] = size;
      reply.lengths[count] = length;
      if(length > 0)
         ArrayCopy(reply.data, m_bytes, size, from, length);
      reply.items = count + 1;
     }

   int               TakeValue(MhReply &reply, const int depth)
     {
      if(m_at >= m_end)
         return MH_RESP_MORE;
      int kind = m_bytes[m_at];
      if(kind != '+' && kind != '-' && kind != ':' && kind != '$' && kind != '*')
         return MH_RESP_BROKEN;
      m_at++;
      int from = 0;
      int length = 0;
      int line = TakeLine(from, length);
      if(line != MH_RESP_GOT)
         return line;
      if(depth == 0)
         reply.kind = kind;
      if(kind == '+' || kind == '-')
        {
         AddItem(reply, from, length);
         return MH_RESP_GOT;
        }
      if(!IsWhole(from, length))
         return MH_RESP_BROKEN;
      if(kind == ':')
        {
         AddItem(reply, from, length);
         return MH_RESP_GOT;
        }
      long count = StringToInteger(MhText(m_bytes, from, length));
      if(kind == '$')
        {
         if(count < -1 || count > MH_RESP_BULK_LIMIT)
            return MH_RESP_BROKEN;
         if(count == -1)
           {
            AddItem(reply, m_at, -1);
            return MH_RESP_GOT;
           }
         int size = (int)count;
         if(m_end - m_at < size + 2)
            return MH_RESP_MORE;
         if(m_bytes[m_at + size] != '\r' || m_bytes[m_at + size + 1] != '\n')
            return MH_RESP_BROKEN;
         AddItem(reply, m_at, size);
         m_at += size + 2;
         return MH_RESP_GOT;
        }
      if(count < -1 || count > MH_RESP_ITEM_LIMIT || depth >= MH_RESP_DEPTH)
         return MH_RESP_BROKEN;
      for(int item = 0; item < (int)count; item++)
        {
         int got = TakeValue(reply, depth + 1);
         if(got != MH_RESP_GOT)
            return got;
         if(reply.items > MH_RESP_ITEM_LIMIT)
            return MH_RESP_BROKEN;
        }
      return MH_RESP_GOT;
     }

public:
                     MhRespReader()
     {
      Clear();
     }

   void              Clear()
     {
      m_begin = 0;
      m_end = 0;
      m_at = 0;
     }

   void              Add(const uchar &bytes[], const int count)
     {
      if(m_begin == m_end)
         Clear();
      if(m_begin > 65536)
        {
         ArrayRemove(m_bytes, 0, (uint)m_begin);
         m_end -= m_begin;
         m_begin = 0;
        }
      if(ArraySize(m_bytes) < m_end + count)
         ArrayResize(m_bytes, m_end + count, 65536);
      ArrayCopy(m_bytes, bytes, m_end, 0, count);
      m_end += count;
     }

   // The next complete reply: MH_RESP_GOT, MH_RESP_MORE or MH_RESP_BROKEN.
   int               Next(MhReply &reply)
     {
      reply.kind = 0;
      reply.items = 0;
      ArrayResize(reply.data, 0, 4096);
      m_at = m_begin;
      int got = TakeValue(reply, 0);
      if(got == MH_RESP_GOT)
         m_begin = m_at;
      return got;
     }
  };

// A command as an array of bulk strings.
class MhRespCommand
  {
private:
   uchar             m_bytes[];

   void              AddPlain(const string text)
     {
      uchar part[];
      int count = MhBytes(text, part);
      ArrayCopy(m_bytes, part, ArraySize(m_bytes), 0, count);
     }

public:
   // @param words number of words to be added
   void              Begin(const int words)
     {
      AddPlain("*" + MhLong(words) + "\r\n");
     }

   void              Add(const string word)
     {
      uchar part[];
      int count = MhBytes(word, part);
      AddPlain("$" + MhLong(count) + "\r\n");
      if(count > 0)
         ArrayCopy(m_bytes, part, ArraySize(m_bytes), 0, count);
      AddPlain("\r\n");
     }

   int               Size()
     {
      return ArraySize(m_bytes);
     }

   void              Take(uchar &bytes[])
     {
      ArrayResize(bytes, 0);
      ArrayCopy(bytes, m_bytes, 0, 0, ArraySize(m_bytes));
      ArrayResize(m_bytes, 0);
     }
  };

#endif
