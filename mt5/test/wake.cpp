/**
 * The service MinutehandWake as a process: prints a line for each event that it sends to a chart. Arguments: port of
 * Redis, password, pairs. SIGTERM stops it as a terminal does.
 */
#include "mql5.h"

// A chart without and one with an expert advisor.
inline long ChartFirst() { return 1; }
inline long ChartNext(long chart) { return chart < 2 ? chart + 1 : -1; }
inline bool EventChartCustom(long chart, ushort event, long, double, const string &) {
  printf("%ld %d\n", chart, (int)event);
  fflush(stdout);
  return true;
}
// Where the shim has Sleep(int), that one is called.
inline void Sleep(long ms) { usleep((useconds_t)ms * 1000); }

#include "../Services/MinutehandWake.mq5"
#include <csignal>

int main(int count, char **arguments) {
  if (count != 4) return 64;
  signal(SIGTERM, [](int) { terminal().stopped = true; });
  signal(SIGPIPE, SIG_IGN);
  InpRedisPort = atoi(arguments[1]);
  InpRedisPassword = string(arguments[2]);
  InpPairs = string(arguments[3]);
  terminal().echo = true;
  OnStart();
  return 0;
}
