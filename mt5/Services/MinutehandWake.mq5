//+------------------------------------------------------------------+
//| Wakes the expert advisor when Redis publishes a signal, before   |
//| its timer would. Untried on Windows.                             |
//+------------------------------------------------------------------+
#property service
#property copyright "minutehand"
#property version   "1.00"
#property description "Wakes Minutehand (InpWake = true) when a signal is published. Untried on Windows."

#include <Minutehand\Wake.mqh>

input string InpPairs = "XAUUSD_XAGUSD,AUDUSD_NZDUSD,EURUSD_GBPUSD,EURUSD_USDCHF,AUDUSD_USDCAD,NZDUSD_USDCAD,GBPUSD_USDCHF,SPXUSD_NSXUSD,USDCAD_BCOUSD,USDJPY_USDCHF"; // Pairs, as in the expert advisor
input string InpRedisHost = "127.0.0.1";               // Host
input int    InpRedisPort = 6379;                      // Port
input string InpRedisUser = "";                        // User (access lists)
input string InpRedisPassword = "";                    // Password

MhWaker g_waker;

void OnStart()
  {
   string last = "";
   while(!IsStopped())
     {
      string why = g_waker.Run(InpRedisHost, InpRedisPort, InpRedisUser, InpRedisPassword, InpPairs);
      if(why != "" && why != last)
         Print("minutehand: ", why);
      last = why;
      if(!IsStopped())
         Sleep(MH_WAKE_PAUSE_MS);
     }
  }
