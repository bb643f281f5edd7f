//+------------------------------------------------------------------+
//| Bars to the daemon: POST /bars, or the stream minutehand:bars.   |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_BARPUSHER_MQH
#define MINUTEHAND_BARPUSHER_MQH

#include "BarFeed.mqh"
#include "RedisLink.mqh"

#define MH_HTTP_TIMEOUT_MS 1000
#define MH_PUSH_BACKOFF_LAST_MS 60000

// One request; the address must be on the terminal's list. Returns the status, -1 without an answer.
int MhHttp(const string method, const string url, const string headers, const string body, string &answer)
  {
   uchar bytes[];
   int count = MhBytes(body, bytes);
   char data[];
   char result[];
   string resultHeaders = "";
   ArrayResize(data, count);
   for(int at = 0; at < count; at++)
      data[at] = (char)bytes[at];
   ResetLastError();
   int status = WebRequest(method, url, headers, MH_HTTP_TIMEOUT_MS, data, result, resultHeaders);
   int length = ArraySize(result);
   ArrayResize(bytes, length);
   for(int at = 0; at < length; at++)
      bytes[at] = (uchar)result[at];
   answer = status > 0 ? MhText(bytes, 0, length) : "";
   return status;
  }

class MhBarPusher
  {
private:
   MhBarFeed         m_feed;
   string            m_url;
   string            m_headers;
   bool              m_toRedis;
   string            m_bootId;
   bool              m_isKnown;
   ulong             m_nextTick;
   int               m_backoffMs;
   string            m_error;
   long              m_sent;
   // Redis: minutes that were sent and not answered yet.
   MhMinutes         m_waiting;
   int               m_answers;
   int               m_connection;

   void              Wait(const string why)
     {
      m_error = why;
      m_nextTick = GetTickCount64() + (ulong)m_backoffMs;
      m_backoffMs = m_backoffMs * 2 > MH_PUSH_BACKOFF_LAST_MS ? MH_PUSH_BACKOFF_LAST_MS : m_backoffMs * 2;
     }

   void              Succeeded()
     {
      m_error = "";
      m_backoffMs = 1000;
     }

   // `error.code` of an answer.
   string            Code(MhJson &json)
     {
      MhJson error;
      string text = json.GetText("error", "");
      return text != "" && error.Parse(text) ? error.GetText("code", "") : "";
     }

   void              Ask(const datetime utcNow)
     {
      string answer = "";
      int status = MhHttp("GET", m_url + "/healthz", m_headers, "", answer);
      MhJson json;
      bool isJson = status > 0 && json.Parse(answer);
      string code = isJson ? Code(json) : "";
      if(status != 200 || !isJson)
        {
         Wait("/healthz: " + (code != "" ? code : status > 0 ? MhLong(status) : "no answer, error " + MhLong(GetLastError())));
         return;
        }
      m_bootId = json.GetText("boot_id", "");
      m_feed.Resume(json.GetText("last_bars", ""), utcNow);
      m_isKnown = true;
      Succeeded();
     }

   void              Post(const datetime utcNow)
     {
      MhMinutes minutes;
      if(!m_feed.Collect(utcNow, minutes))
         return;
      string body = "[";
      for(int k = 0; k < minutes.count; k++)
         body += (k > 0 ? "," : "") + minutes.lines[k];
      string url = m_url + "/bars?boot_id=" + m_bootId + (minutes.isHistory ? "&backfill=1" : "");
      string answer = "";
      int status = MhHttp("POST", url, "Content-Type: application/json\r\n" + m_headers, body + "]", answer);
      MhJson json;
      if(status <= 0 || status >= 500 || !json.Parse(answer))
        {
         Wait("/bars: " + (status > 0 ? MhLong(status) : "no answer, error " + MhLong(GetLastError())));
         return;
        }
      string code = Code(json);
      if(code == "BOOT_CHANGED")
        {
         m_isKnown = false;
         return;
        }
      if(code == "FEED_CLOSED" || code == "UNAUTHORIZED" || code == "ORIGIN_REFUSED" || code == "HOST_REFUSED")
        {
         Wait("/bars: " + code);
         return;
        }
      // A refused bar would be refused again.
      m_feed.Confirm(minutes);
      m_sent += minutes.count;
      Succeeded();
      m_error = code == "" ? "" : "/bars: " + code;
     }

   void              Add(const datetime utcNow, MhRedisLink &link)
     {
      if(link.Connections() != m_connection)
         m_answers = 0;
      if(!link.IsUp() || link.Unanswered() > 0 || m_answers > 0 || !m_feed.Collect(utcNow, m_waiting))
         return;
      MhRespCommand command;
      for(int k = 0; k < m_waiting.count; k++)
        {
         command.Begin(m_waiting.isHistory ? 10 : 8);
         command.Add("XADD");
         command.Add("minutehand:bars");
         command.Add("MAXLEN");
         command.Add("~");
         command.Add("100000");
         command.Add("*");
         command.Add("bar");
         command.Add(m_waiting.lines[k]);
         if(m_waiting.isHistory)
           {
            command.Add("backfill");
            command.Add("1");
           }
        }
      m_connection = link.Connections();
      if(link.Ask(command, m_waiting.count))
         m_answers = m_waiting.count;
     }

public:
                     MhBarPusher()
     {
      m_url = "";
      m_headers = "";
      m_toRedis = false;
      m_bootId = "";
      m_isKnown = false;
      m_nextTick = 0;
      m_backoffMs = 1000;
      m_error = "";
      m_sent = 0;
      m_answers = 0;
      m_connection = 0;
     }

   // @param url such as http://127.0.0.1:7400, or empty @param toRedis into the stream instead
   void              Begin(const string url, const string token, const bool toRedis, const string symbols, const string list, const string suffix,
                           const MhDst dst, const int historyBars)
     {
      m_bootId = "";
      m_isKnown = false;
      m_nextTick = 0;
      m_backoffMs = 1000;
      m_error = "";
      m_sent = 0;
      m_answers = 0;
      m_connection = -1;
      m_url = url;
      m_headers = token == "" ? "" : "Authorization: Bearer " + token + "\r\n";
      m_toRedis = toRedis;
      m_feed.Begin(symbols, list, suffix, dst, historyBars);
     }

   bool              IsOn()
     {
      return m_url != "" || m_toRedis;
     }

   string            Error()
     {
      return m_error == "" ? m_feed.Error() : m_error;
     }

   long              Sent()
     {
      return m_sent;
     }

   // @param utcNow seconds
   void              Work(const datetime utcNow, MhRedisLink &link)
     {
      if(!IsOn() || GetTickCount64() < m_nextTick)
         return;
      if(m_toRedis)
        {
         if(!m_isKnown)
            m_feed.Resume("", utcNow);
         m_isKnown = true;
         Add(utcNow, link);
         return;
        }
      if(!m_isKnown)
         Ask(utcNow);
      else
         Post(utcNow);
     }

   // The charts may be stale.
   void              Reconnected()
     {
      m_feed.Reconnected();
     }

   // An answer of Redis. False when it is for another sender's command.
   bool              Answered(const MhReply &reply)
     {
      if(m_answers == 0)
         return false;
      if(reply.kind == '-')
        {
         // All are sent again; those already stored are duplicates.
         m_answers = 0;
         m_connection = -1;
         Wait("minutehand:bars: " + MhReplyText(reply, 0));
         return true;
        }
      m_answers--;
      if(m_answers == 0)
        {
         m_feed.Confirm(m_waiting);
         m_sent += m_waiting.count;
         Succeeded();
        }
      return true;
     }
  };

#endif
