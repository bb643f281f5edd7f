//+------------------------------------------------------------------+
//| The terminal's economic calendar as a file for the trainer.      |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_CALENDAR_MQH
#define MINUTEHAND_CALENDAR_MQH

#include "Clock.mqh"
#include "Files.mqh"
#include "FlatJson.mqh"

#define MH_CALENDAR_SCHEMA "minutehand.calendar/1"
// The terminal may ask its server, which takes seconds: once an hour.
#define MH_CALENDAR_EVERY_MS 3600000
#define MH_CALENDAR_RETRY_MS 300000
#define MH_CALENDAR_BEFORE_S 86400
// Longer than a weekend, short enough that a terminal that was ended is noticed.
#define MH_CALENDAR_AHEAD_S 345600

string MhImportanceText(const ENUM_CALENDAR_EVENT_IMPORTANCE importance)
  {
   if(importance == CALENDAR_IMPORTANCE_HIGH)
      return "high";
   return importance == CALENDAR_IMPORTANCE_MODERATE ? "medium" : "low";
  }

string MhCalendarEvent(const datetime utc, const string currency, const string importance, const string name)
  {
   return "{\"time\":" + MhLong((long)utc * 1000) + MhTextField("currency", currency) + MhTextField("importance", importance) +
          MhTextField("name", name) + "}";
  }

// Writes the events of the last day and the next four days, in UTC, every hour.
//
// The terminal states all times of the calendar, past and future ones too, on the server's clock as it is set now:
// other than bars, not as it is set on the event's date. Where the two differ, because the server's clock changes in
// between, the event is written at both times: entries are then stopped around both, until the change is over.
class MhCalendar
  {
private:
   string            m_file;
   MhDst             m_dst;
   ulong             m_nextTick;
   string            m_error;
   long              m_events;

   bool              Collect(const datetime utcNow, string &text)
     {
      datetime server = TimeTradeServer();
      if(!MhIsServerTime(server, utcNow))
        {
         m_error = "the server's time is not known";
         return false;
        }
      int winter = MhWinterOffset(m_dst, server, utcNow);
      int offset = winter + (MhIsSummer(m_dst, utcNow) ? 3600 : 0);
      datetime from = (datetime)(utcNow - MH_CALENDAR_BEFORE_S);
      datetime to = (datetime)(utcNow + MH_CALENDAR_AHEAD_S);
      MqlCalendarValue values[];
      ResetLastError();
      // An hour more on both sides: what an event on the other clock needs.
      if(!CalendarValueHistory(values, (datetime)((long)from + offset - 3600), (datetime)((long)to + offset + 3600)))
        {
         m_error = "error " + MhLong(GetLastError());
         return false;
        }
      text = "{\"schema\":\"" + MH_CALENDAR_SCHEMA + "\"" + MhLongField("sent_ms", (long)utcNow * 1000) + MhLongField("from_ms", (long)from * 1000) +
             MhLongField("to_ms", (long)to * 1000) + ",\"events\":[";
      m_events = 0;
      for(int i = 0; i < ArraySize(values); i++)
        {
         MqlCalendarEvent event = {};
         MqlCalendarCountry country = {};
         if(!CalendarEventById(values[i].event_id, event) || !CalendarCountryById(event.country_id, country))
            continue;
         if(event.time_mode != CALENDAR_TIMEMODE_DATETIME || event.importance == CALENDAR_IMPORTANCE_NONE)
            continue;
         datetime utc = (datetime)((long)values[i].time - offset);
         datetime other = MhUtcOf(m_dst, winter, values[i].time);
         for(int reading = 0; reading < (other == utc ? 1 : 2); reading++)
           {
            datetime time = reading == 0 ? utc : other;
            if(time < from || time >= to)
               continue;
            text += (m_events > 0 ? ",\n" : "\n") + MhCalendarEvent(time, country.currency, MhImportanceText(event.importance), event.name);
            m_events++;
           }
        }
      text += "\n]}\n";
      return true;
     }

public:
                     MhCalendar()
     {
      Begin("", MH_DST_US);
     }

   // @param file empty: off
   void              Begin(const string file, const MhDst dst)
     {
      m_file = file;
      m_dst = dst;
      m_nextTick = 0;
      m_error = "";
      m_events = 0;
     }

   bool              IsOn()
     {
      return m_file != "";
     }

   string            State()
     {
      return m_error == "" ? MhLong(m_events) + " events" : m_error;
     }

   // @param utcNow seconds
   void              Work(const datetime utcNow)
     {
      ulong tick = GetTickCount64();
      if(!IsOn() || tick < m_nextTick)
         return;
      m_nextTick = tick + MH_CALENDAR_RETRY_MS;
      string text = "";
      if(!Collect(utcNow, text))
         return;
      if(!MhReplaceFile(m_file, text))
        {
         m_error = "the file cannot be written";
         return;
        }
      m_error = "";
      m_nextTick = tick + MH_CALENDAR_EVERY_MS;
     }
  };

#endif
