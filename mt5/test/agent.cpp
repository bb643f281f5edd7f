/**
 * The whole expert advisor as a process: OnInit, then OnTimer until it is told to end. Arguments are inputs, `InpPairs=…`, and
 *   common=<folder>   the folder that stands for Common\Files
 *   clock=real        nothing else: prices come from signals
 * SIGTERM ends it as a terminal does (OnDeinit).
 */
#include "mql5.h"
#include "../Experts/Minutehand.mq5"
#include <csignal>

static volatile sig_atomic_t ended = 0;

int main(int count, char **arguments) {
  signal(SIGTERM, [](int) { ended = 1; });
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < count; i++) {
    std::string text = arguments[i], name = text.substr(0, text.find('=')), value = text.substr(text.find('=') + 1);
    if (name == "common") terminal().commonFolder = value;
    else if (name == "InpPairs") InpPairs = string(value);
    else if (name == "InpFolder") InpFolder = string(value);
    else if (name == "InpWay") InpWay = (MhWay)atoi(value.c_str());
    else if (name == "InpRedisPort") InpRedisPort = atoi(value.c_str());
    else if (name == "InpRedisPassword") InpRedisPassword = string(value);
    else if (name == "InpFillsToRedis") InpFillsToRedis = value == "true";
    else if (name == "InpTrace") InpTrace = value == "true";
    else if (name == "InpRisk") InpRisk = atof(value.c_str());
    else if (name == "InpMaxOpenPairs") InpMaxOpenPairs = atoi(value.c_str());
    else if (name == "InpStopPercent") InpStopPercent = atof(value.c_str());
    else if (name == "InpDailyLossPercent") InpDailyLossPercent = atof(value.c_str());
    else shimFail("unknown argument " + text);
  }
  terminal().echo = true;
  if (OnInit() != INIT_SUCCEEDED) return 1;
  printf("started\n");
  fflush(stdout);
  while (!ended && !IsStopped()) {
    OnTimer();
    usleep(5000);
  }
  OnDeinit(0);
  return 0;
}
