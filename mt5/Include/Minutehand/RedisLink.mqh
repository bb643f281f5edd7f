//+------------------------------------------------------------------+
//| One connection to Redis, driven by a timer. It reconnects after  |
//| 0.5 s, then 1, 2 ... 30 s.                                       |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_REDISLINK_MQH
#define MINUTEHAND_REDISLINK_MQH

#include "Resp.mqh"

#define MH_LINK_DOWN 0
#define MH_LINK_GREETING 1
#define MH_LINK_UP 2

#define MH_BACKOFF_FIRST_MS 500
#define MH_BACKOFF_LAST_MS 30000
// After this silence it gets a PING ...
#define MH_QUIET_MS 5000
// ... and is closed without an answer.
#define MH_ANSWER_MS 5000
// The terminal ends a connection whose send times out: a slow line needs longer than a connection to a machine nearby.
#define MH_SEND_TIMEOUT_MS 2000
#define MH_SENDS_A_TURN 16

class MhRedisLink
  {
private:
   string            m_host;
   uint              m_port;
   string            m_user;
   string            m_password;
   int               m_database;
   uint              m_timeoutMs;
   // Subscribed channels, separated by commas; empty for a connection for commands.
   string            m_channels;
   int               m_handle;
   int               m_state;
   int               m_greetings;
   int               m_unanswered;
   int               m_backoffMs;
   ulong             m_nextTryTick;
   ulong             m_heardTick;
   ulong             m_askedTick;
   ulong             m_sentTick;
   string            m_error;
   MhRespReader      m_reader;
   // Bytes not sent yet.
   uchar             m_unsent[];
   int               m_connections;
   bool              m_isLost;
   // The last timer event was spent connecting.
   bool              m_hasTried;

   bool              Send(MhRespCommand &command)
     {
      uchar bytes[];
      command.Take(bytes);
      if(ArraySize(m_unsent) == 0)
         m_sentTick = GetTickCount64();
      ArrayCopy(m_unsent, bytes, ArraySize(m_unsent), 0, ArraySize(bytes));
      return SendRest();
     }

   // A socket may accept a part: the rest follows with the next timer events. False when the connection is lost.
   bool              SendRest()
     {
      for(int part = 0; part < MH_SENDS_A_TURN && ArraySize(m_unsent) > 0; part++)
        {
         int sent = SocketSend(m_handle, m_unsent, (uint)ArraySize(m_unsent));
         if(sent < 0)
           {
            Drop("sending failed, error " + MhLong(GetLastError()));
            return false;
           }
         if(sent == 0)
            break;
         ArrayRemove(m_unsent, 0, (uint)sent);
         m_sentTick = GetTickCount64();
         m_askedTick = m_sentTick;
        }
      if(ArraySize(m_unsent) == 0 || GetTickCount64() - m_sentTick < MH_ANSWER_MS)
         return true;
      Drop("sending timed out");
      return false;
     }

   void              Greet()
     {
      MhRespCommand command;
      m_greetings = 0;
      if(m_password != "")
        {
         command.Begin(m_user == "" ? 2 : 3);
         command.Add("AUTH");
         if(m_user != "")
            command.Add(m_user);
         command.Add(m_password);
         m_greetings++;
        }
      if(m_database > 0)
        {
         command.Begin(2);
         command.Add("SELECT");
         command.Add(MhLong(m_database));
         m_greetings++;
        }
      if(m_channels != "")
        {
         string channels[];
         int count = StringSplit(m_channels, ',', channels);
         command.Begin(count + 1);
         command.Add("SUBSCRIBE");
         for(int k = 0; k < count; k++)
            command.Add(channels[k]);
         m_greetings += count;
        }
      else
        {
         command.Begin(1);
         command.Add("PING");
         m_greetings++;
        }
      m_state = MH_LINK_GREETING;
      Send(command);
     }

public:
                     MhRedisLink()
     {
      m_handle = INVALID_HANDLE;
      m_state = MH_LINK_DOWN;
      m_backoffMs = MH_BACKOFF_FIRST_MS;
      m_nextTryTick = 0;
      m_connections = 0;
      m_isLost = false;
      m_hasTried = false;
      m_unanswered = 0;
      m_askedTick = 0;
      m_sentTick = 0;
      m_heardTick = 0;
      m_error = "";
     }

   void              Begin(const string host, const int port, const string user, const string password, const int database,
                           const uint timeoutMs, const string channels)
     {
      m_host = host;
      m_port = (uint)port;
      m_user = user;
      m_password = password;
      m_database = database;
      m_timeoutMs = timeoutMs;
      m_channels = channels;
      Drop("not tried yet");
      m_backoffMs = MH_BACKOFF_FIRST_MS;
      m_nextTryTick = 0;
     }

   bool              IsUp()
     {
      return m_state == MH_LINK_UP;
     }

   bool              HasTried()
     {
      return m_hasTried;
     }

   // Rises with each connection: answers of an earlier one never come.
   int               Connections()
     {
      return m_connections;
     }

   // Commands without an answer yet.
   int               Unanswered()
     {
      return m_unanswered;
     }

   string            Error()
     {
      return m_error;
     }

   void              Drop(const string why)
     {
      if(m_handle != INVALID_HANDLE)
         SocketClose(m_handle);
      m_handle = INVALID_HANDLE;
      m_state = MH_LINK_DOWN;
      m_isLost = false;
      m_unanswered = 0;
      m_reader.Clear();
      ArrayResize(m_unsent, 0);
      m_error = why;
      m_nextTryTick = GetTickCount64() + (ulong)m_backoffMs;
      m_backoffMs = m_backoffMs * 2 > MH_BACKOFF_LAST_MS ? MH_BACKOFF_LAST_MS : m_backoffMs * 2;
     }

   void              End()
     {
      Drop("ended");
     }

   // Sends encoded commands; `answers` is the number of their replies.
   bool              Ask(MhRespCommand &command, const int answers)
     {
      if(m_state != MH_LINK_UP)
         return false;
      if(m_unanswered == 0)
         m_askedTick = GetTickCount64();
      if(!Send(command))
         return false;
      m_unanswered += answers;
      return true;
     }

   // Connects, reads available bytes, detects silence. Blocks at most the time limit of connecting.
   void              Work()
     {
      ulong tick = GetTickCount64();
      m_hasTried = false;
      if(m_state == MH_LINK_DOWN)
        {
         if(tick < m_nextTryTick)
            return;
         m_hasTried = true;
         m_handle = SocketCreate();
         if(m_handle == INVALID_HANDLE)
           {
            Drop("no socket, error " + MhLong(GetLastError()));
            return;
           }
         if(!SocketConnect(m_handle, m_host, m_port, m_timeoutMs))
           {
            Drop("no connection to " + m_host + ":" + MhLong((long)m_port) + ", error " + MhLong(GetLastError()));
            return;
           }
         uint sendMs = MH_SEND_TIMEOUT_MS;
         SocketTimeouts(m_handle, m_timeoutMs > sendMs ? m_timeoutMs : sendMs, m_timeoutMs);
         m_heardTick = tick;
         m_askedTick = tick;
         m_connections++;
         Greet();
         return;
        }
      if(!SendRest())
         return;
      // SocketIsReadable returns 1 when it does not know: reading then blocks for a millisecond.
      for(int round = 0; round < 64; round++)
        {
         uint readable = SocketIsReadable(m_handle);
         if(readable == 0)
            break;
         uchar bytes[];
         ArrayFree(bytes);
         int got = SocketRead(m_handle, bytes, readable > 65536 ? 65536 : readable, 1);
         if(got <= 0)
            break;
         m_reader.Add(bytes, got);
         m_heardTick = tick;
        }
      // Bytes that arrived before the end are still read.
      if(!SocketIsConnected(m_handle))
        {
         m_isLost = true;
         return;
        }
      bool waits = m_state == MH_LINK_GREETING || m_unanswered > 0;
      if(waits && tick - m_askedTick > MH_ANSWER_MS && tick - m_heardTick > MH_ANSWER_MS)
        {
         Drop("no answer");
         return;
        }
      if(!waits && tick - m_heardTick > MH_QUIET_MS)
        {
         MhRespCommand command;
         command.Begin(1);
         command.Add("PING");
         Ask(command, 1);
        }
     }

   // The next reply, without greetings and answers to PING. False when there is none.
   bool              Next(MhReply &reply)
     {
      while(m_state != MH_LINK_DOWN)
        {
         int got = m_reader.Next(reply);
         if(got == MH_RESP_MORE)
           {
            if(m_isLost)
               Drop("the connection was closed");
            return false;
           }
         if(got == MH_RESP_BROKEN)
           {
            Drop("what came is not RESP2");
            return false;
           }
         if(m_state == MH_LINK_GREETING)
           {
            if(reply.kind == '-')
              {
               Drop(MhReplyText(reply, 0));
               return false;
              }
            m_greetings--;
            if(m_greetings > 0)
               continue;
            m_state = MH_LINK_UP;
            m_backoffMs = MH_BACKOFF_FIRST_MS;
            m_error = "";
            continue;
           }
         bool isPush = m_channels != "" && reply.kind == '*' && MhReplyText(reply, 0) == "message";
         if(!isPush && m_unanswered > 0)
            m_unanswered--;
         bool isPong = reply.kind == '+' ? MhReplyText(reply, 0) == "PONG" : reply.kind == '*' && MhReplyText(reply, 0) == "pong";
         if(isPong)
            continue;
         return true;
        }
      return false;
     }
  };

#endif
