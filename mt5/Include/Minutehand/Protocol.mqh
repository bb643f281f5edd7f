//+------------------------------------------------------------------+
//| Pure logic of a consumer: text and time in, orders out.          |
//| docs/reference/PROTOCOL.md#what-a-consumer-checks                |
//| shared/signal/consumer.ts is the reference.                      |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_PROTOCOL_MQH
#define MINUTEHAND_PROTOCOL_MQH

#include "Signal.mqh"

// Number of opened ids kept per pair; older signals have long expired.
#define MH_ENTERED_KEPT 1000

// State of one pair in one market.
struct MhMemory
  {
   string            market;
   string            pairId;
   string            bootId;
   long              seq;
   // The position held, or empty.
   string            positionId;
   // Ids opened, newest last, each followed by a blank.
   string            entered;
   // The highest fence, and the newest bar with one; 0 and empty without.
   long              fence;
   string            timestamp;
  };

// Result of one text.
struct MhVerdict
  {
   MhRefusal         refusal;
   string            seen;
   // Index of its memory; -1 when none.
   int               memory;
   // The memory changed and must be written to disk before any action.
   bool              isNews;
   bool              closes;
   string            closeId;
   bool              opens;
   bool              halts;
   long              missed;
  };

class MhConsumer
  {
private:
   MhSignalReader    m_reader;
   MhMemory          m_memories[];
   string            m_markets;
   long              m_maxSkewMs;

   void              Accept(const MhSignal &signal, MhMemory &memory, MhVerdict &verdict)
     {
      if(memory.positionId != "" && (signal.target == 0 || signal.positionId != memory.positionId))
        {
         verdict.closes = true;
         verdict.closeId = memory.positionId;
         memory.positionId = "";
        }
      bool mayEnter = signal.mode == "OK" || signal.mode == "DEGRADED";
      if(mayEnter && signal.action == "ENTER" && StringFind(memory.entered, signal.positionId) < 0)
        {
         verdict.opens = true;
         memory.positionId = signal.positionId;
         memory.entered += signal.positionId + " ";
         int excess = StringLen(memory.entered) - MH_ENTERED_KEPT * 33;
         if(excess > 0)
            memory.entered = StringSubstr(memory.entered, excess);
        }
      verdict.halts = signal.mode == "HALT";
     }

public:
                     MhConsumer()
     {
      m_markets = "live";
      m_maxSkewMs = 2000;
     }

   // @param markets such as "live" or "live,simulated,replay"
   void              Begin(const string markets, const long maxSkewMs)
     {
      m_markets = markets;
      m_maxSkewMs = maxSkewMs;
      ArrayResize(m_memories, 0);
     }

   int               Count()
     {
      return ArraySize(m_memories);
     }

   void              Get(const int index, MhMemory &memory)
     {
      memory = m_memories[index];
     }

   string            Market(const int index)
     {
      return m_memories[index].market;
     }

   // Index of the memory of a pair; created when absent.
   int               Place(const string market, const string pairId)
     {
      int count = ArraySize(m_memories);
      for(int index = 0; index < count; index++)
         if(m_memories[index].pairId == pairId && m_memories[index].market == market)
            return index;
      ArrayResize(m_memories, count + 1, 16);
      m_memories[count].market = market;
      m_memories[count].pairId = pairId;
      m_memories[count].bootId = "";
      m_memories[count].seq = 0;
      m_memories[count].positionId = "";
      m_memories[count].entered = "";
      m_memories[count].fence = 0;
      m_memories[count].timestamp = "";
      return count;
     }

   // Restores what was saved before the last end.
   void              Restore(const MhMemory &memory)
     {
      int index = Place(memory.market, memory.pairId);
      m_memories[index] = memory;
     }

   // To be called when a position ended without a signal, or was not opened.
   void              Closed(const string positionId)
     {
      for(int index = 0; index < ArraySize(m_memories); index++)
         if(positionId != "" && m_memories[index].positionId == positionId)
            m_memories[index].positionId = "";
     }

   // Checks `length` received bytes. @param nowMs UTC, epoch milliseconds
   // @param pairId of the folder, channel or key that they came from; empty = any
   void              Take(const uchar &bytes[], const int from, const int length, const long nowMs, const string pairId, MhSignal &signal,
                          MhVerdict &verdict)
     {
      verdict.memory = -1;
      verdict.isNews = false;
      verdict.closes = false;
      verdict.closeId = "";
      verdict.opens = false;
      verdict.halts = false;
      verdict.missed = 0;
      verdict.seen = "";
      verdict.refusal = m_reader.Take(bytes, from, length, signal, verdict.seen);
      if(verdict.refusal != MH_NOT_REFUSED)
         return;
      if(!MhIsOneOf(signal.market, m_markets))
        {
         verdict.refusal = MH_MARKET;
         verdict.seen = signal.market;
         return;
        }
      if(pairId != "" && signal.pairId != pairId)
        {
         verdict.refusal = MH_PAIR;
         verdict.seen = signal.pairId + " from " + pairId;
         return;
        }
      int place = Place(signal.market, signal.pairId);
      verdict.memory = place;
      string lastBoot = m_memories[place].bootId;
      long lastSeq = m_memories[place].seq;
      long highest = m_memories[place].fence;
      if(signal.fence < highest)
        {
         verdict.refusal = MH_LOWER_FENCE;
         verdict.seen = MhLong(signal.fence) + " after " + MhLong(highest);
         return;
        }
      // Boot ids and numbers of two daemons are not comparable.
      bool isSuccessor = signal.fence > highest;
      int boots = isSuccessor ? 1 : MhCompare(signal.bootId, lastBoot);
      if(boots < 0)
         verdict.refusal = MH_OLDER_BOOT;
      if(boots == 0 && signal.seq < lastSeq)
         verdict.refusal = MH_OUT_OF_ORDER;
      if(boots == 0 && signal.seq == lastSeq)
         verdict.refusal = MH_REPEATED;
      if(verdict.refusal != MH_NOT_REFUSED)
        {
         verdict.seen = signal.bootId + " " + MhLong(signal.seq) + " after " + lastBoot + " " + MhLong(lastSeq);
         return;
        }
      // Stored even when it is refused for its age: setting the clock back must not make it fresh.
      m_memories[place].bootId = signal.bootId;
      m_memories[place].seq = signal.seq;
      verdict.isNews = true;
      if(signal.fence > 0)
        {
         m_memories[place].fence = signal.fence;
         string lastBar = m_memories[place].timestamp;
         if(MhCompare(signal.timestamp, lastBar) < 0)
           {
            verdict.refusal = MH_OLDER_BAR;
            verdict.seen = signal.timestamp + " after " + lastBar;
            return;
           }
         m_memories[place].timestamp = signal.timestamp;
        }
      if(signal.validUntilMs < nowMs)
        {
         verdict.refusal = MH_STALE;
         verdict.seen = MhLong(nowMs - signal.validUntilMs) + " ms too late";
         return;
        }
      if(signal.generatedMs - nowMs > m_maxSkewMs)
        {
         verdict.refusal = MH_FUTURE;
         verdict.seen = MhLong(signal.generatedMs - nowMs) + " ms ahead";
         return;
        }
      // The last number of an earlier boot is unknown, and a first signal has no predecessor.
      verdict.missed = boots == 0 ? signal.seq - lastSeq - 1 : (lastBoot == "" || isSuccessor ? 0 : signal.seq - 1);
      Accept(signal, m_memories[place], verdict);
     }
  };

#endif
