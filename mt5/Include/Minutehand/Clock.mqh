//+------------------------------------------------------------------+
//| UTC in milliseconds, and the broker's server time in UTC.        |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_CLOCK_MQH
#define MINUTEHAND_CLOCK_MQH

// Daylight-saving rule of the broker's server.
enum MhDst
  {
   MH_DST_US,   // with New York (most brokers: the day ends at 17:00 there)
   MH_DST_EU,   // with Europe
   MH_DST_NONE  // never
  };

// TimeGMT has whole seconds, the terminal's tick counter milliseconds and no date. Each reading of both bounds UTC: at
// least `second`, less than a second more. The offset between the clocks that agrees with all readings is known to one
// timer interval after the first second, and to a second before. When the PC's clock is set, this follows within a
// second.
class MhClock
  {
private:
   bool              m_isSet;
   // UTC in milliseconds minus the tick counter.
   long              m_distance;

public:
                     MhClock()
     {
      m_isSet = false;
      m_distance = 0;
     }

   long              NowMs()
     {
      long tick = (long)GetTickCount64();
      long least = (long)TimeGMT() * 1000 - tick;
      if(!m_isSet || m_distance < least)
         m_distance = least;
      if(m_distance > least + 999)
         m_distance = least + 999;
      m_isSet = true;
      return tick + m_distance;
     }
  };

// The Sunday of a month, 00:00 as if it were UTC: the n-th one (1 ...), or the last one (0).
datetime MhSunday(const int year, const int month, const int nth)
  {
   MqlDateTime parts = {};
   TimeToStruct((datetime)0, parts);
   parts.year = nth > 0 || month < 12 ? year : year + 1;
   parts.mon = nth > 0 ? month : month % 12 + 1;
   parts.day = 1;
   datetime first = StructToTime(parts);
   TimeToStruct(first, parts);
   int toSunday = (7 - parts.day_of_week) % 7;
   datetime sunday = (datetime)((long)first + toSunday * 86400);
   return nth > 0 ? (datetime)((long)sunday + (nth - 1) * 604800) : (datetime)(sunday - 604800);
  }

// Whether daylight saving time applies at this moment (UTC).
bool MhIsSummer(const MhDst rule, const datetime utc)
  {
   if(rule == MH_DST_NONE)
      return false;
   MqlDateTime parts = {};
   TimeToStruct(utc, parts);
   datetime begin = 0;
   datetime end = 0;
   if(rule == MH_DST_EU)
     {
      begin = (datetime)(MhSunday(parts.year, 3, 0) + 3600);
      end = (datetime)(MhSunday(parts.year, 10, 0) + 3600);
     }
   else
     {
      // 2:00 in New York: 7:00 UTC in winter, 6:00 in summer.
      begin = (datetime)(MhSunday(parts.year, 3, 2) + 7 * 3600);
      end = (datetime)(MhSunday(parts.year, 11, 1) + 6 * 3600);
     }
   return utc >= begin && utc < end;
  }

// Maximum offset of a time zone from UTC.
#define MH_OFFSET_LIMIT 50400

// Before the terminal has the server's time, it returns 0: datetime is unsigned, so the difference is computed as a
// long.
bool MhIsServerTime(const datetime server, const datetime utc)
  {
   long distance = (long)server - (long)utc;
   return distance >= -MH_OFFSET_LIMIT && distance <= MH_OFFSET_LIMIT;
  }

// The server's offset from UTC in winter, in seconds, by both clocks now: whole quarters of an hour.
int MhWinterOffset(const MhDst rule, const datetime server, const datetime utc)
  {
   double quarters = MathRound((double)((long)server - (long)utc) / 900.0);
   return (int)quarters * 900 - (MhIsSummer(rule, utc) ? 3600 : 0);
  }

// The server's time of a moment in UTC, by the offset of its own date.
datetime MhServerTime(const MhDst rule, const int winterOffset, const datetime utc)
  {
   return (datetime)((long)utc + winterOffset + (MhIsSummer(rule, utc) ? 3600 : 0));
  }

// UTC of a moment in the server's time. The hour that comes twice in autumn counts as its first (markets are closed in
// it).
datetime MhUtcOf(const MhDst rule, const int winterOffset, const datetime server)
  {
   datetime summer = (datetime)((long)server - winterOffset - 3600);
   if(MhIsSummer(rule, summer))
      return summer;
   return (datetime)((long)server - winterOffset);
  }

#endif
