//+------------------------------------------------------------------+
//| UTC in milliseconds, and what the broker's server time is in it. |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_CLOCK_MQH
#define MINUTEHAND_CLOCK_MQH

// When the broker's server changes its clock.
enum MhDst
  {
   MH_DST_US,   // with New York (most brokers: the day ends at 17:00 there)
   MH_DST_EU,   // with Europe
   MH_DST_NONE  // never
  };

// TimeGMT has whole seconds. The milliseconds since the last change are counted, so that this is never ahead of the PC's clock and behind it by one
// timer interval at most (by up to a second until the first change was seen).
class MhClock
  {
private:
   long              m_second;
   ulong             m_changedTick;
   bool              m_sawChange;

public:
                     MhClock()
     {
      m_second = 0;
      m_changedTick = 0;
      m_sawChange = false;
     }

   long              NowMs()
     {
      long second = (long)TimeGMT();
      ulong tick = GetTickCount64();
      if(second != m_second)
        {
         m_sawChange = second == m_second + 1;
         m_second = second;
         m_changedTick = tick;
        }
      long past = m_sawChange ? (long)(tick - m_changedTick) : 0;
      return second * 1000 + (past > 999 ? 999 : past);
     }
  };

// The Sunday of a month, 00:00 as if it were UTC: the n-th one (1 ...), or the last one (0).
datetime MhSunday(const int year, const int month, const int nth)
  {
   MqlDateTime parts;
   TimeToStruct((datetime)0, parts);
   parts.year = nth > 0 || month < 12 ? year : year + 1;
   parts.mon = nth > 0 ? month : month % 12 + 1;
   parts.day = 1;
   datetime first = StructToTime(parts);
   TimeToStruct(first, parts);
   int toSunday = (7 - parts.day_of_week) % 7;
   datetime sunday = (datetime)(first + toSunday * 86400);
   return nth > 0 ? (datetime)(sunday + (nth - 1) * 604800) : (datetime)(sunday - 604800);
  }

// Whether summer time is in force at this moment (UTC).
bool MhIsSummer(const MhDst rule, const datetime utc)
  {
   if(rule == MH_DST_NONE)
      return false;
   MqlDateTime parts;
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

// The server's distance from UTC in winter, in seconds, by what both clocks say now: whole quarters of an hour.
int MhWinterOffset(const MhDst rule, const datetime server, const datetime utc)
  {
   double quarters = MathRound((double)(server - utc) / 900.0);
   return (int)quarters * 900 - (MhIsSummer(rule, utc) ? 3600 : 0);
  }

// The server's time of a moment in UTC, by the offset of its own date.
datetime MhServerTime(const MhDst rule, const int winterOffset, const datetime utc)
  {
   return (datetime)(utc + winterOffset + (MhIsSummer(rule, utc) ? 3600 : 0));
  }

// UTC of a moment in the server's time. The hour that comes twice in autumn counts as its first (markets are closed in it).
datetime MhUtcOf(const MhDst rule, const int winterOffset, const datetime server)
  {
   datetime summer = (datetime)(server - winterOffset - 3600);
   if(MhIsSummer(rule, summer))
      return summer;
   return (datetime)(server - winterOffset);
  }

#endif
