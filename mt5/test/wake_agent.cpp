/**
 * The whole expert advisor as a process that reads events of the service, `<chart> <event>`; the first one slows
 * its timer from 10 ms to 4 s. Arguments: common folder, port of Redis, pair, `true` for InpWake.
 */
#include "mql5.h"
#include "../Experts/Minutehand.mq5"
#include <csignal>
#include <iostream>

int main(int count, char **arguments) {
  if (count != 5) return 64;
  signal(SIGPIPE, SIG_IGN);
  // A line that was read ahead would be invisible to poll.
  setvbuf(stdin, nullptr, _IONBF, 0);
  terminal().commonFolder = arguments[1];
  InpFolder = "home";
  InpWay = MH_WAY_REDIS;
  InpStopPercent = 0;
  InpRedisPort = atoi(arguments[2]);
  InpPairs = string(arguments[3]);
  InpWake = std::string(arguments[4]) == "true";
  if (OnInit() != INIT_SUCCEEDED) return 1;
  bool isFast = true;
  printf("started\n");
  fflush(stdout);
  while (true) {
    pollfd one = {0, POLLIN, 0};
    // An event may arrive before the advisor's own connection has the signal: then the timer handles it.
    if (poll(&one, 1, isFast ? 10 : 4000) != 1) {
      OnTimer();
      continue;
    }
    std::string line;
    if (!std::getline(std::cin, line)) break;
    isFast = false;
    // The other chart has no expert advisor.
    if (line[0] == '2') OnChartEvent(CHARTEVENT_CUSTOM + atoi(line.c_str() + 2), 0, 0.0, "");
  }
  OnDeinit(0);
  return 0;
}
