//+------------------------------------------------------------------+
//| Blocks on a Redis subscription and sends a custom event to every |
//| chart when a signal arrives. For a service: an expert advisor    |
//| must not block.                                                  |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_WAKE_MQH
#define MINUTEHAND_WAKE_MQH

#include "Resp.mqh"
#include "WakeEvent.mqh"

#define MH_WAKE_READ_MS 500
#define MH_WAKE_PAUSE_MS 1000
#define MH_WAKE_QUIET_MS 5000
#define MH_WAKE_ANSWER_MS 10000

class MhWaker
  {
private:
   int               m_handle;
   MhRespReader      m_reader;
   ulong             m_heardTick;
   bool              m_isAsked;
   string            m_error;
   long              m_events;

   bool              Send(MhRespCommand &command)
     {
      uchar bytes[];
      command.Take(bytes);
      return SocketSend(m_handle, bytes, (uint)ArraySize(bytes)) == ArraySize(bytes);
     }

   bool              Subscribe(const string user, const string password, const string pairs)
     {
      MhRespCommand command;
      if(password != "")
        {
         command.Begin(user == "" ? 2 : 3);
         command.Add("AUTH");
         if(user != "")
            command.Add(user);
         command.Add(password);
        }
      string names[];
      int count = StringSplit(pairs, ',', names);
      command.Begin(count + 1);
      command.Add("SUBSCRIBE");
      for(int k = 0; k < count; k++)
         command.Add("minutehand:signals:" + names[k]);
      return Send(command);
     }

   // Passes available bytes to the reader. SocketRead of one byte returns with the first one; a larger count may wait
   // for all.
   bool              Read()
     {
      uchar bytes[];
      int got = SocketRead(m_handle, bytes, 1, MH_WAKE_READ_MS);
      if(got <= 0)
         return SocketIsConnected(m_handle);
      m_reader.Add(bytes, got);
      m_heardTick = GetTickCount64();
      m_isAsked = false;
      uint waiting = SocketIsReadable(m_handle);
      // 1 may mean "unknown".
      if(waiting > 1)
        {
         got = SocketRead(m_handle, bytes, waiting > 65536 ? 65536 : waiting, MH_WAKE_READ_MS);
         if(got > 0)
            m_reader.Add(bytes, got);
        }
      return true;
     }

   // Whether a signal is among the complete replies. Sets the error when the connection is unusable.
   bool              HasSignal()
     {
      bool hasSignal = false;
      MhReply reply;
      int got = m_reader.Next(reply);
      while(got == MH_RESP_GOT)
        {
         if(reply.kind == '-')
            m_error = MhReplyText(reply, 0);
         if(reply.kind == '*' && MhReplyText(reply, 0) == "message")
            hasSignal = true;
         got = m_reader.Next(reply);
        }
      if(got == MH_RESP_BROKEN)
         m_error = "the answer is not RESP2";
      return hasSignal;
     }

   void              Wake()
     {
      m_events++;
      for(long chart = ChartFirst(); chart >= 0; chart = ChartNext(chart))
         EventChartCustom(chart, MH_WAKE_EVENT, m_events, 0.0, "");
     }

   // A silent connection gets a PING, and is closed without an answer.
   bool              IsAlive()
     {
      ulong quietMs = GetTickCount64() - m_heardTick;
      if(quietMs > MH_WAKE_ANSWER_MS)
         return false;
      if(quietMs <= MH_WAKE_QUIET_MS || m_isAsked)
         return true;
      m_isAsked = true;
      MhRespCommand command;
      command.Begin(1);
      command.Add("PING");
      return Send(command);
     }

public:
                     MhWaker()
     {
      m_handle = INVALID_HANDLE;
      m_heardTick = 0;
      m_isAsked = false;
      m_error = "";
      m_events = 0;
     }

   // Runs one connection. Returns why it ended; empty when the service is to stop.
   string            Run(const string host, const int port, const string user, const string password, const string pairs)
     {
      m_error = "";
      m_isAsked = false;
      m_reader.Clear();
      m_handle = SocketCreate();
      if(m_handle == INVALID_HANDLE)
         return "no socket, error " + MhLong(GetLastError());
      bool isUp = SocketConnect(m_handle, host, (uint)port, MH_WAKE_PAUSE_MS);
      m_heardTick = GetTickCount64();
      isUp = isUp && SocketTimeouts(m_handle, MH_WAKE_PAUSE_MS, MH_WAKE_PAUSE_MS) && Subscribe(user, password, pairs);
      while(isUp && m_error == "" && !IsStopped())
        {
         isUp = Read();
         if(HasSignal())
            Wake();
         isUp = isUp && IsAlive();
        }
      SocketClose(m_handle);
      m_handle = INVALID_HANDLE;
      if(IsStopped())
         return "";
      return m_error != "" ? m_error : "no connection to " + host + ":" + MhLong(port) + ", error " + MhLong(GetLastError());
     }
  };

#endif
